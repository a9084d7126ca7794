"""Distances are as exact as in float64, even under bf16 when features share a large common part."""

import pytest
import torch
from helpers import algorithm, close, tasks
from torch import nn

from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.layers.distances import class_means, squared_distances
from innerloop.models.network import Network
from innerloop.objectives import Classification, Regression
from innerloop.tasks import Examples, Task


def test_distances_equal_sums_of_squared_differences() -> None:
    x, c = torch.randn(7, 4).double(), torch.randn(3, 4).double()
    close(squared_distances(x, c), ((x[:, None] - c) ** 2).sum(-1))


@pytest.mark.parametrize("shift", [0.0, 30.0, 1000.0])
@pytest.mark.parametrize("mixed", [False, True])
def test_a_large_common_part_costs_no_precision(shift: float, mixed: bool) -> None:
    x, c = torch.randn(50, 64) + shift, torch.randn(5, 64) + shift
    exact = ((x.double()[:, None] - c.double()) ** 2).sum(-1)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        actual = squared_distances(x, c)
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual.double(), exact, rtol=1e-3, atol=1e-2)


def test_class_means_are_exact_under_autocast() -> None:
    support = Examples(torch.randn(6, 4) + 100, torch.tensor([0, 1, 2, 2, 0, 1]))
    with torch.autocast("cpu", torch.bfloat16):
        actual = class_means(support, 3)
    expected = torch.stack([support.inputs[support.targets == c].mean(0) for c in range(3)])
    torch.testing.assert_close(actual, expected)


class Scaled(nn.Module):
    """The inputs times a parameter."""

    width = 64

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.scale


@pytest.mark.parametrize("shift", [0, 30, 100])
def test_protonet_is_as_accurate_in_bf16(shift: int) -> None:
    centres = torch.randn(50, 5, 1, 64)
    x = centres + 1.5 * torch.randn(50, 5, 4, 64) + shift
    labels = torch.arange(5)
    batch = Task(
        Examples(x[:, :, 0], labels.expand(50, 5)),
        Examples(x[:, :, 1:].flatten(1, 2), labels.repeat_interleave(3).expand(50, 15)),
    )
    learner = ProtoNet(Network(Scaled(), 5), Classification(5, 5)).eval()
    exact = torch.cdist(batch.query.inputs.double(), batch.support.inputs.double()).argmin(-1)
    expected = float((exact == batch.query.targets).double().mean())
    for mixed in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            scores = learner.scores(batch, 0, torch.tensor(0.0))["accuracy"]
        assert float(scores.mean()) == pytest.approx(expected, abs=0.01)


def test_cross_entropy_of_bf16_outputs_is_computed_in_float32() -> None:
    outputs, targets = 50 + torch.randn(40, 5).bfloat16(), torch.randint(0, 5, (40,))
    with torch.autocast("cpu", torch.bfloat16):
        actual = Classification(5, 5).loss(outputs, targets)
    expected = nn.functional.cross_entropy(outputs.double(), targets)
    assert float(actual) == pytest.approx(float(expected), rel=1e-5)


def test_regression_targets_are_never_broadcast() -> None:
    outputs, objective = torch.randn(6, 1).double(), Regression()
    targets = torch.randn(6).double()
    expected = sum(float(o - t) ** 2 for o, t in zip(outputs, targets, strict=True)) / 6
    assert float(objective.loss(outputs, targets)) == pytest.approx(expected)
    batch = tasks(2)
    flat = Task(*[Examples(x, y.double()) for x, y in batch])
    learner = algorithm("maml", regression=True)
    column = Task(*[Examples(x, y.double()[..., None]) for x, y in batch])
    close(learner(flat, torch.tensor(0.0)).detach(), learner(column, torch.tensor(0.0)).detach())
