"""The meta-gradient of every algorithm against an independent oracle, in float64."""

import copy

import pytest
import torch
from helpers import (
    LEARN2LEARN,
    NOW,
    SmoothBody,
    SmoothConv,
    algorithm,
    algorithms_that,
    along,
    close,
    direction,
    run,
    slope,
    smooth,
    tasks,
    waves,
)
from torch import nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.learn2learn import Learn2LearnEngine
from innerloop.tasks import Task

EXACT = algorithms_that(lambda learner: learner.exact_meta_gradient)
REGRESSION = [name for name in EXACT if not algorithm(name).needs_classes]


@pytest.mark.parametrize("name", EXACT)
def test_meta_gradient_equals_finite_differences(name: str) -> None:
    learner, batch = smooth(algorithm(name)), tasks()
    _, gradient = run(learner, batch)
    for _ in range(3):
        way = direction(learner)
        assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-6)
        assert abs(along(gradient, way)) > 1e-4


@pytest.mark.parametrize("mode", ["transductive", "support", "running"])
@pytest.mark.parametrize("name", EXACT)
def test_meta_gradient_through_batch_norm_equals_finite_differences(name: str, mode: str) -> None:
    learner, batch = smooth(algorithm(name, SmoothConv(mode))), tasks(shape=(1, 4, 4))
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-5)
    assert abs(along(gradient, way)) > 1e-4


@pytest.mark.parametrize("name", REGRESSION)
def test_meta_gradient_in_regression_equals_finite_differences(name: str) -> None:
    learner, batch = algorithm(name, regression=True), waves()
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-6)


def test_first_order_maml_equals_a_computation_by_hand() -> None:
    learner, batch = algorithm("fomaml"), tasks(1)
    support, query = task_tools.only(batch)
    _, gradient = run(learner, batch)
    twin = copy.deepcopy(learner.model)
    for _ in range(2):
        loss = F.cross_entropy(twin(support.inputs), support.targets)
        slopes = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for p, g in zip(twin.parameters(), slopes, strict=True):
                p -= 0.1 * g
    loss = F.cross_entropy(twin(query.inputs), query.targets)
    for actual, expected in zip(
        gradient.values(), torch.autograd.grad(loss, list(twin.parameters())), strict=True
    ):
        torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)
        assert expected.abs().max() > 0


def test_first_order_differs_from_the_true_meta_gradient() -> None:
    first, full, batch = algorithm("fomaml"), algorithm("maml"), tasks()
    full.load_state_dict(first.state_dict())
    (_, a), (_, b) = run(first, batch), run(full, batch)
    assert max((a[k] - b[k]).abs().max() for k in a) > 1e-3


def test_reptile_equals_a_computation_by_hand() -> None:
    learner, batch = algorithm("reptile"), tasks(1, shots=3, queries=4)
    examples = task_tools.concatenate(*task_tools.only(batch))  # 21 rows, minibatches of 10
    _, gradient = run(learner, batch)
    twin = copy.deepcopy(learner.model)
    inner = torch.optim.Adam(twin.parameters(), lr=0.001, betas=(0.0, 0.999))
    for step in range(8):
        rows = [(step * 10 + i) % 21 for i in range(10)]
        inner.zero_grad()
        F.cross_entropy(twin(examples.inputs[rows]), examples.targets[rows]).backward()
        inner.step()
    for (name, actual), start, end in zip(
        gradient.items(), learner.model.parameters(), twin.parameters(), strict=True
    ):
        torch.testing.assert_close(actual, start - end, rtol=1e-9, atol=1e-12, msg=name)
        assert (start - end).abs().max() > 1e-4


def _by_learn2learn(name: str, learner: Algorithm, batch: Task) -> dict[str, torch.Tensor]:
    """learn2learn's meta-gradient for the model's parameters, and for Meta-SGD's rates."""
    from learn2learn import algorithms

    model, total = copy.deepcopy(learner.model), 0.0
    watched = {f"model.{k}": p for k, p in model.named_parameters()}
    if name == "meta_sgd":
        names = [k.replace(".", "/") for k, _ in model.named_parameters()]
        rates = {k: nn.Parameter(learner.rates[k].detach().clone()) for k in names}
        wrapped = algorithms.MetaSGD(model, lrs=list(rates.values()))
        watched |= {f"rates.{k}": rate for k, rate in rates.items()}
    else:
        wrapped = algorithms.MAML(model, lr=0.1, first_order=name == "fomaml")
    for i in range(task_tools.count(batch)):
        support, query = task_tools.only(task_tools.part(batch, i, i + 1))
        clone = wrapped.clone()
        for _ in range(2):
            clone.adapt(F.cross_entropy(clone(support.inputs), support.targets))
        total = total + F.cross_entropy(clone(query.inputs), query.targets)
    slopes = torch.autograd.grad(total / task_tools.count(batch), list(watched.values()))
    return dict(zip(watched, slopes, strict=True))


@pytest.mark.parametrize("name", LEARN2LEARN)
@pytest.mark.parametrize("convolves", [False, True])
def test_meta_gradient_equals_learn2learns(name: str, convolves: bool) -> None:
    body = SmoothConv("transductive") if convolves else SmoothBody()
    learner = algorithm(name, body)
    batch = tasks(shape=(1, 4, 4) if convolves else (3,))
    _, gradient = run(learner, batch)
    expected = _by_learn2learn(name, learner, batch)
    close(gradient, expected)
    for part in ("model", "rates") if name == "meta_sgd" else ("model",):
        assert max(g.abs().max() for k, g in expected.items() if k.startswith(part)) > 1e-3


@pytest.mark.parametrize("norm", [None, "transductive", "support", "per_step"])
@pytest.mark.parametrize("name", LEARN2LEARN)
def test_the_learn2learn_engine_gives_the_same_meta_gradient(name: str, norm: str | None) -> None:
    learner = algorithm(name, SmoothConv(norm) if norm else SmoothBody())
    batch = tasks(shape=(1, 4, 4) if norm else (3,))
    loss, gradient = run(learner, batch)
    its_loss, its_gradient = Learn2LearnEngine(learner).meta_gradient(learner, batch, NOW)
    torch.testing.assert_close(its_loss, loss, rtol=1e-10, atol=1e-12)
    assert its_gradient.keys() == gradient.keys()
    for key, reference in its_gradient.items():
        torch.testing.assert_close(gradient[key], reference, rtol=1e-10, atol=1e-12, msg=key)
        assert norm or reference.abs().max() > 0, key  # a bias before batch norm has no gradient
    ours = learner.scores(batch, 3, NOW)
    its = Learn2LearnEngine(learner).scores(learner, batch, 3, NOW)
    for key, scores in its.items():
        torch.testing.assert_close(ours[key], scores, rtol=1e-10, atol=1e-12)
    last = Learn2LearnEngine(learner).scores(learner, batch, 3, NOW, at=(3,))
    close(last, {k: v[:, 3:] for k, v in its.items()})


def _loads_adapted_weights(model: nn.Module, batch: Task) -> torch.Tensor:
    """A common mistake: adapts a copy and loads its weights, which cuts the graph to the start."""
    support, query = task_tools.only(batch)
    adapted = copy.deepcopy(model)
    inner = torch.optim.SGD(adapted.parameters(), lr=0.1)
    for _ in range(2):
        inner.zero_grad()
        F.cross_entropy(adapted(support.inputs), support.targets).backward()
        inner.step()
    fresh = copy.deepcopy(model)
    fresh.load_state_dict(adapted.state_dict())
    return F.cross_entropy(fresh(query.inputs), query.targets)


def test_meta_gradient_reaches_the_start_unlike_loading_adapted_weights() -> None:
    learner, batch = algorithm("maml"), tasks(1)
    mistaken = _loads_adapted_weights(learner.model, batch)
    mistaken.backward()
    assert all(p.grad is None for p in learner.model.parameters())
    loss, gradient = run(learner, batch)
    torch.testing.assert_close(loss, mistaken.detach())  # the same loss ...
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-6)
    assert abs(along(gradient, way)) > 1e-3  # ... but ours can be differentiated
