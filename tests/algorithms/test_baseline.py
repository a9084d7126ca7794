"""Baseline's classifier and its fitted heads against plain PyTorch and scipy, in float64."""

import copy
import doctest

import numpy as np
import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, close, run, tasks
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer import baseline
from innerloop.algorithms.transfer.baseline import Baseline
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, without_support


def plain_batch(size: int = 12, classes: int = 7) -> Examples:
    """A plain batch of images, labelled with all classes, as one task."""
    targets = torch.randint(classes, (1, size))
    noise = torch.randn(1, size, 1, 4, 4, dtype=torch.float64)
    return Examples(noise + targets.view(1, -1, 1, 1, 1), targets)


def classifier(norm: str = "running", classes: int = 7, ways: int = 3) -> Baseline:
    model = Network(SmoothConv(norm), classes)
    return Baseline(model, Classification(classes, ways), rate=0.1, decay=0.01).double()


@pytest.mark.parametrize("norm", ["running", "transductive", "support"])
def test_meta_gradient_of_a_plain_batch_equals_that_of_a_plain_classifier(norm: str) -> None:
    learner, query = classifier(norm), plain_batch()
    convolution, scale, _ = learner.model.body.layers
    normalised = nn.BatchNorm2d(3).double()
    normalised.load_state_dict(scale.state_dict(), strict=False)
    twin = nn.ModuleList([copy.deepcopy(convolution), normalised, copy.deepcopy(learner.head)])
    images, labels = query.inputs[0], query.targets[0]
    features = torch.tanh(twin[1](twin[0](images))).mean((-2, -1))
    expected = F.cross_entropy(twin[2](features), labels)
    slopes = torch.autograd.grad(expected, list(twin.parameters()))
    loss, gradient = run(learner, without_support(query))
    close(loss, expected.detach())
    for (name, actual), slope in zip(gradient.items(), slopes, strict=True):
        close(actual, slope, atol=1e-12)
        assert slope.abs().max() > 1e-3 or name.endswith("layers.0.bias")


def test_without_support_the_training_head_predicts() -> None:
    learner = classifier()
    batch = without_support(plain_batch())
    scores = learner.scores(batch, 0, NOW)
    outputs = learner.head(learner.model.body(batch.query.inputs[0]))
    hits = (outputs.argmax(1) == batch.query.targets[0]).double().mean()
    assert outputs.shape == (12, 7)
    close(scores["accuracy"], hits.view(1, 1))
    close(scores["loss"], F.cross_entropy(outputs, batch.query.targets[0]).detach().view(1, 1))


def fitted(learner: Baseline, features: Tensor, targets: Tensor, steps: int) -> dict[str, Tensor]:
    *_, head = learner.adapt(Examples(features, targets), steps, NOW)
    return head


def task_features() -> tuple[Baseline, Tensor, Tensor]:
    learner = algorithm("baseline", SmoothBody(), 3, False, "algorithm.rate=0.1").eval()
    assert isinstance(learner, Baseline)
    support = task_tools.only(tasks(1, shots=5)).support
    return learner, learner.model.body(support.inputs).detach(), support.targets


def test_fitting_a_head_equals_torchs_sgd() -> None:
    learner, features, targets = task_features()
    head = nn.Linear(4, 3).double()
    for p in head.parameters():
        nn.init.zeros_(p)
    sgd = torch.optim.SGD(head.parameters(), lr=0.1, weight_decay=learner.decay)
    for _ in range(50):
        sgd.zero_grad()
        F.cross_entropy(head(features), targets).backward()
        sgd.step()
    actual = fitted(learner, features, targets, 50)
    close(actual, {name: p.detach() for name, p in head.named_parameters()})
    assert actual["weight"].abs().max() > 0.1


def test_a_long_fit_reaches_the_minimum_that_scipy_finds() -> None:
    learner, features, targets = task_features()
    learner.decay = 0.05
    x, labels = np.c_[features.numpy(), np.ones(15)], np.eye(3)[targets]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(3, 5)
        logits = x @ weights.T
        logits -= logits.max(1, keepdims=True)
        odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        loss = -np.log((odds * labels).sum(1)).mean() + 0.025 * (flat**2).sum()
        return loss, ((odds - labels).T @ x / 15 + 0.05 * weights).ravel()

    best = minimize(objective, np.ones(15), jac=True, tol=1e-14).x.reshape(3, 5)
    head = fitted(learner, features, targets, 5000)
    actual = torch.cat([head["weight"], head["bias"][:, None]], 1)
    close(actual, torch.from_numpy(best), rtol=1e-5, atol=1e-6)


def test_a_fitted_head_has_one_output_for_each_class_of_its_task() -> None:
    learner = classifier(classes=7, ways=3).eval()
    batch = tasks(2, shape=(1, 4, 4))
    scores = learner.scores(batch, 20, NOW)
    assert scores["accuracy"].shape == (2, 21)
    assert scores["class_accuracy"].shape == (2, 21, 3)
    assert (scores["loss"].diff(dim=1)[:, 0] < 0).all()


def test_invalid_rates_and_non_linear_heads_are_refused() -> None:
    model, task = Network(SmoothBody(), 3), Classification(3, 3)
    for rate, decay in ((0.0, 0.0), (-1.0, 0.0), (0.1, -1.0), (float("nan"), 0.0)):
        with pytest.raises(UserError, match="a rate above zero"):
            Baseline(model, task, rate, decay)
    model.head = nn.Sequential(model.head)  # type: ignore[assignment]
    with pytest.raises(UserError, match="give it an nn.Linear"):
        Baseline(model, task)


def test_the_docstring_example_runs() -> None:
    assert doctest.testmod(baseline) == (0, doctest.testmod(baseline).attempted)
    assert doctest.testmod(baseline).attempted > 5
