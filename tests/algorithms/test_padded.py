"""A task padded with noise gives the same results as without padding, for every algorithm,
batch norm mode and engine."""

import itertools

import pytest
import torch
from helpers import (
    LEARN2LEARN,
    NOW,
    SmoothBody,
    SmoothConv,
    algorithm,
    algorithms_that,
    close,
    learners,
    run,
    waves,
)
from padding import SIZES, narrowed, padded, single, widened
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.engines.learn2learn import Learn2LearnEngine
from innerloop.evaluation.audit import audit
from innerloop.evaluation.audited_learner import AuditedLearner
from innerloop.layers import layout
from innerloop.layers.norm import TaskNorm
from innerloop.tasks import Examples, Padded, Task

NORMS = [None, "transductive", "support", "running"]
ENGINES = [Engine(), Engine(1), Engine(2, checkpoint=True), Engine(each_task=True)]

REGRESSION = algorithms_that(lambda learner: not learner.needs_classes)


def learner_of(name: str, norm: str | None) -> Algorithm:
    return algorithm(name, SmoothConv(norm) if norm else SmoothBody())


def drawn(norm: str | None, sizes: tuple[tuple[int, int, int], ...] = SIZES) -> list[Task]:
    return [single(*size, (1, 4, 4) if norm else (3,)) for size in sizes]


def alone(learner: Algorithm, task: Task) -> tuple[Tensor, dict[str, Tensor]]:
    """The oracle: plain autograd on the task without padding, with a head of its width."""
    ways = int(task.support.targets.max()) + 1
    loss, gradient = run(narrowed(learner, ways), task_tools.alone(task))
    return loss, widened(gradient, learner)


@pytest.fixture(params=learners())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("norm", NORMS)
def test_padding_leaves_the_meta_gradient_unchanged(name: str, norm: str | None) -> None:
    learner = learner_of(name, norm)
    # In plain batches the labels are training classes, none of which may be absent from a task.
    singles = drawn(norm, ((3, 2, 2), (3, 5, 1), (3, 3, 4)) if learner.trains_on_batches else SIZES)
    if learner.whole_batch:
        singles = singles[2:]  # its statistics are over all tasks: tested separately below
    results = [alone(learner, task) for task in singles]
    expected_loss = torch.stack([loss for loss, _ in results]).mean()
    expected = {k: torch.stack([g[k] for _, g in results]).mean(0) for k in results[0][1]}
    for engine in ENGINES:
        loss, gradient = engine.meta_gradient(learner, padded(singles), NOW)
        close(loss, expected_loss, rtol=1e-12)
        # Reptile's Adam divides rounding errors of zero gradients by 1e-8.
        close(gradient, expected, rtol=1e-12, atol=1e-8 if name == "reptile" else 1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", LEARN2LEARN)
def test_padding_leaves_learn2learns_meta_gradient_unchanged(name: str, norm: str | None) -> None:
    learner, singles = learner_of(name, norm), drawn(norm)
    results = [alone(learner, task) for task in singles]
    _, gradient = Learn2LearnEngine(learner).meta_gradient(learner, padded(singles), NOW)
    for key in gradient:
        close(gradient[key], torch.stack([g[key] for _, g in results]).mean(0), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_compiled_meta_gradient_of_padded_tasks_equals_eager(name: str, norm: str | None) -> None:
    learner, singles = learner_of(name, norm), drawn(norm)
    batch = padded(singles[2:] if learner.whole_batch else singles)
    eager = Engine().meta_gradient(learner, batch, NOW)
    close(Engine(compile=True).meta_gradient(learner, batch, NOW), eager, atol=1e-10)


@pytest.mark.parametrize("norm", NORMS)
def test_padding_leaves_the_scores_unchanged(name: str, norm: str | None) -> None:
    learner, singles = learner_of(name, norm).eval(), drawn(norm)
    both = [Engine(chunk).scores(learner, padded(singles), 2, NOW) for chunk in (None, 1)]
    for i, task in enumerate(singles):
        ways = int(task.support.targets.max()) + 1
        expected = narrowed(learner, ways).scores(task_tools.alone(task), 2, NOW)
        for scores, (key, values) in itertools.product(both, expected.items()):
            score = scores[key][i][:, :ways] if key == "class_accuracy" else scores[key][i]
            close(score, values[0], rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_padding_leaves_the_audit_unchanged(name: str, norm: str | None) -> None:
    learner, sizes = learner_of(name, norm).eval(), ((3, 2, 2), (3, 5, 1), (3, 3, 4))
    singles = drawn(norm, sizes)
    request = AuditedLearner(learner, None, 2 if learner.adapts_by_steps else 0, NOW)
    expected = audit(request, map(task_tools.alone, singles))
    assert _rounded(audit(request, [padded(singles)])) == _rounded(expected)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return pytest.approx(value, abs=1e-12, nan_ok=True) if isinstance(value, float) else value


def test_protonet_with_running_averages_counts_the_real_rows_of_all_tasks() -> None:
    learner, singles = learner_of("protonet", "running"), drawn("running")
    layers = learner.model.body.layers
    inputs = torch.cat([torch.cat([t.support.inputs, t.query.inputs]) for t in singles])
    maps = F.conv2d(inputs, layers[0].weight, layers[0].bias, padding=1)
    features = F.batch_norm(maps, None, None, training=True).tanh().mean((-2, -1))
    losses, start = [], 0
    for task in singles:
        n, m = len(task.support.targets), len(task.query.targets)
        support, query = features[start : start + n], features[start + n : start + n + m]
        start += n + m
        labels = task.support.targets
        means = torch.stack([support[labels == k].mean(0) for k in labels.unique()])
        losses.append(F.cross_entropy(-(torch.cdist(query, means) ** 2), task.query.targets))
    loss = torch.stack(losses).mean()
    slopes = torch.autograd.grad(loss, list(learner.parameters()), allow_unused=True)
    _, gradient = Engine().meta_gradient(learner, padded(singles), NOW)
    for slope, own in zip(slopes, gradient.values(), strict=True):
        if slope is not None:  # the oracle leaves out batch norm's own parameters
            close(own, slope, rtol=1e-12)


def test_huge_values_in_padding_change_nothing() -> None:
    learner, singles = learner_of("maml", "transductive"), drawn("transductive")
    batch = padded(singles)
    _, expected = Engine().meta_gradient(learner, batch, NOW)
    for examples in batch:
        examples.inputs.values[~examples.inputs.real] = 1e30
    _, gradient = Engine().meta_gradient(learner, batch, NOW)
    close(gradient, expected)


@pytest.mark.parametrize("name", REGRESSION)
def test_padding_leaves_regression_unchanged(name: str) -> None:
    learner, singles = algorithm(name, regression=True), [waves(1, n, n + 2) for n in (3, 5)]
    results = [run(learner, task) for task in singles]
    batch = _padded_waves(singles)
    loss, gradient = Engine().meta_gradient(learner, batch, NOW)
    close(loss, torch.stack([loss for loss, _ in results]).mean(), rtol=1e-12)
    for key in gradient:
        expected = torch.stack([g[key] for _, g in results]).mean(0)
        close(gradient[key], expected, rtol=1e-12, atol=1e-8 if name == "reptile" else 1e-12)


@pytest.mark.parametrize("name", REGRESSION)
def test_padding_leaves_the_audit_of_regression_unchanged(name: str) -> None:
    learner, singles = algorithm(name, regression=True).eval(), [waves(1, n, n) for n in (3, 4, 5)]
    request = AuditedLearner(learner, None, 2 if learner.adapts_by_steps else 0, NOW)
    expected = audit(request, singles)
    assert _rounded(audit(request, [_padded_waves(singles)])) == _rounded(expected)


def _padded_waves(singles: list[Task]) -> Task:
    return Task(*[_padded_targets([task[part] for task in singles]) for part in (0, 1)])


def _padded_targets(parts: list[Examples]) -> Examples:
    rows = max(part.targets.shape[1] for part in parts) + 2
    real = torch.stack([torch.arange(rows) < part.targets.shape[1] for part in parts])
    values = [
        torch.stack([F.pad(part[i][0], (0, 0, 0, rows - part[i].shape[1]), value=9.0)
                     for part in parts])
        for i in (0, 1)
    ]  # fmt: skip
    return Examples(*[Padded(value, real) for value in values])


def test_running_averages_follow_only_the_real_rows() -> None:
    singles = drawn("running")
    images = torch.cat([torch.cat([t.support.inputs, t.query.inputs]) for t in singles])
    rows = torch.utils._pytree.tree_map(
        lambda x: x.flatten(0, 1),
        task_tools.concatenate(padded(singles).support.inputs, padded(singles).query.inputs, 1),
    )
    ours, theirs = TaskNorm(1, "running").double(), nn.BatchNorm2d(1).double()
    theirs(images)
    with layout.track():
        layout.call_opened(ours, rows)
    close(ours.running_mean, theirs.running_mean, rtol=1e-12)
    close(ours.running_var, theirs.running_var, rtol=1e-12)
