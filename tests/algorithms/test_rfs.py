"""RFS's head against the minimum of logistic regression, in float64."""

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, close, tasks
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.transfer.rfs import RFS
from innerloop.errors import UserError
from innerloop.layers import layout
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


def teaching(name: str = "rfs_distill") -> tuple[RFS, RFS]:
    """A learner, and another one with the weights of its teacher."""
    learner, master = (algorithm(name, SmoothConv("running")) for _ in range(2))
    assert isinstance(learner, RFS)
    assert isinstance(master, RFS)
    assert learner.teacher is not None
    learner.teacher.model.load_state_dict(master.model.state_dict())
    return learner, master.eval()


def test_distillation_mixes_cross_entropy_with_the_divergence_of_softened_answers() -> None:
    learner, master = teaching()
    batch = tasks(1, shape=(1, 4, 4))
    _, query = task_tools.only(batch)
    features = task_tools.only(learner.embed(batch)).query.inputs
    outputs = learner.head(features)
    softened = [
        torch.distributions.Categorical(logits=logits / 4)
        for logits in (master.model(query.inputs), outputs)
    ]
    divergence = torch.distributions.kl_divergence(*softened).mean()
    expected = 0.5 * F.cross_entropy(outputs, query.targets) + 0.5 * 16 * divergence
    close(learner(batch, NOW), expected)
    assert divergence > 1e-4


def test_a_teacher_is_neither_trained_nor_moved_by_what_it_sees() -> None:
    learner, _ = teaching()
    before = {k: v.clone() for k, v in learner.teacher.state_dict().items()}
    assert len(list(learner.teacher.parameters())) == 0
    with layout.track():
        learner.train()(tasks(2, shape=(1, 4, 4)), NOW).backward()
    close(dict(learner.teacher.state_dict()), before, rtol=0, atol=0)
    assert not learner.teacher.model.training


def test_a_learner_that_equals_its_teacher_learns_from_labels_alone() -> None:
    learner, _ = teaching()
    learner.teacher.model.load_state_dict(learner.model.state_dict())
    batch = tasks(2, shape=(1, 4, 4))
    learner.eval()
    labels = Algorithm.forward(learner, batch, NOW)
    close(learner(batch, NOW), 0.5 * labels)


def test_a_share_above_one_is_refused() -> None:
    learner = algorithm("rfs")
    with pytest.raises(UserError, match=r"lessons=1.5: a share from 0 to 1"):
        type(learner)(learner.model, learner.objective, lessons=1.5)
