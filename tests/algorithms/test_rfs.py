"""RFS's head against the minimum of logistic regression, in float64."""

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, close, tasks
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.layers.views import view
from innerloop.tasks import Examples


@pytest.mark.parametrize("c", [0.5, 1.0, 8.0])
def test_the_head_is_the_minimum_of_logistic_regression(c: float) -> None:
    learner = algorithm("rfs", None, 3, False, f"algorithm.c={c}").eval()
    features, targets = torch.randn(15, 4).double(), torch.arange(15) % 3
    (head,) = learner.adapt(Examples(features, targets), 0, NOW)
    weight, bias = head.weight.requires_grad_(), head.bias.requires_grad_()
    outputs = (features / features.norm(dim=1, keepdim=True)) @ weight.T + bias
    loss = F.cross_entropy(outputs, targets, reduction="sum") + (weight**2).sum() / (2 * c)
    for slope in torch.autograd.grad(loss, (weight, bias)):
        close(slope, torch.zeros_like(slope), atol=1e-6)
    close(learner.predict(head, features), outputs.detach())


def test_five_views_are_fifteen_examples_of_three() -> None:
    learner = algorithm("rfs", SmoothConv("running"), 3, False, "algorithm.views=5").eval()
    batch = tasks(2, shots=1, shape=(1, 12, 12))
    embedded = learner.embed(batch)
    assert embedded.support.targets.shape == (2, 15)
    for number in range(5):
        rows = slice(3 * number, 3 * number + 3)
        for i in range(2):
            images = view(batch.support.inputs[i], number)
            close(embedded.support.inputs[i, rows], learner.model.body(images))
    for i in range(2):
        close(embedded.query.inputs[i], learner.model.body(batch.query.inputs[i]))


def test_views_are_for_tests_alone() -> None:
    learner = algorithm("rfs", SmoothConv("running"), 3, False, "algorithm.views=5")
    assert learner.embed(tasks(2, shape=(1, 12, 12))).support.targets.shape == (2, 6)


@pytest.mark.parametrize("norm", ["transductive", "support", "running"])
def test_views_run_with_every_batch_norm(norm: str) -> None:
    learner = algorithm("rfs", SmoothConv(norm), 3, False, "algorithm.views=3").eval()
    scores = learner.scores(tasks(2, shape=(1, 12, 12)), 0, NOW)
    assert torch.isfinite(scores["loss"]).all()


def test_a_c_of_zero_and_no_view_are_refused() -> None:
    learner = algorithm("rfs")
    for c, views in ((0.0, 1), (1.0, 0)):
        with pytest.raises(UserError, match="one view or more"):
            type(learner)(learner.model, learner.objective, c, views)
