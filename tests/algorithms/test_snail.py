"""SNAIL: causal layers against PyTorch's convolution and attention, and by gradients."""

import pytest
import torch
from helpers import NOW, algorithm, close, tasks
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.in_context.snail import SNAIL, Sequence
from innerloop.errors import UserError
from innerloop.layers.temporal import CausalAttention, DenseConvolution, TemporalConvolutions
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task


def snail() -> SNAIL:
    small = ("algorithm.filters=4", "algorithm.length=7", "algorithm.sizes=[[4,3],[5,2],[6,4]]")
    learner = algorithm("snail", None, 3, False, *small)
    assert isinstance(learner, SNAIL)
    return learner


@pytest.mark.parametrize("dilation", [1, 2, 4, 16])
def test_a_dense_convolution_equals_pytorchs(dilation: int) -> None:
    layer, rows = DenseConvolution(3, dilation, 4).double(), torch.randn(2, 9, 3).double()
    now, earlier = layer.both.weight.split(3, 1)
    maps = F.conv1d(
        F.pad(rows.transpose(1, 2), (dilation, 0)), torch.stack([earlier, now], 2),
        layer.both.bias, dilation=dilation,
    ).transpose(1, 2)  # fmt: skip
    candidate, gate = maps.split(4, 2)
    close(layer(rows), torch.cat([rows, candidate.tanh() * gate.sigmoid()], 2))


def test_causal_attention_equals_pytorchs() -> None:
    layer, rows = CausalAttention(3, 4, 5).double(), torch.randn(2, 6, 3).double()
    parts = layer.query(rows), layer.key(rows), layer.value(rows)
    read = F.scaled_dot_product_attention(*parts, is_causal=True)
    close(layer(rows, torch.ones(6, dtype=torch.bool)), torch.cat([rows, read], 2))


@pytest.mark.parametrize(("length", "depth"), [(2, 1), (6, 3), (26, 5), (32, 5), (33, 6)])
def test_convolutions_see_a_whole_sequence_and_no_more_layers_than_that(
    length: int, depth: int
) -> None:
    layer = TemporalConvolutions(2, length, 3).double()
    assert len(layer.layers) == depth
    rows = torch.randn(length, 2, dtype=torch.float64, requires_grad=True)
    outputs = layer(rows, torch.ones(length, dtype=torch.bool))
    assert outputs.shape == (length, layer.width)
    (slope,) = torch.autograd.grad(outputs[-1].sum(), rows)
    assert (slope.abs().sum(1) > 0).all()


def test_an_output_depends_on_its_own_and_earlier_places_alone() -> None:
    learner, n = snail(), 7
    rows = torch.randn(n, 7, dtype=torch.float64, requires_grad=True)
    outputs = rows
    for layer in learner.layers:
        outputs = layer(outputs, torch.ones(n, dtype=torch.bool))
    for place in range(n):
        (slope,) = torch.autograd.grad(outputs[place].sum(), rows, retain_graph=True)
        reached = slope.abs().sum(1) > 0
        assert reached.tolist() == [other <= place for other in range(n)]


def test_rows_that_fill_up_change_nothing_in_front_of_a_sequence() -> None:
    learner = snail()
    rows, query = torch.randn(5, 7).double(), torch.randn(2, 4).double()
    full = learner.predict(_sequence(rows, 0), query)
    close(learner.predict(_sequence(rows, 4), query), full)


def _sequence(rows: Tensor, padding: int) -> Sequence:
    real = torch.arange(len(rows) + padding) >= padding
    return Sequence(F.pad(rows, (0, 0, padding, 0)), real)


def test_each_query_ends_a_sequence_of_its_own_without_a_label() -> None:
    learner, task = snail(), task_tools.only(tasks(1))
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    features = learner.model.body(torch.cat([task.support.inputs, task.query.inputs]))
    labels = F.one_hot(task.support.targets, 3).double()
    for i, output in enumerate(outputs):
        last = torch.cat([features[6 + i], torch.zeros(3)])
        rows = torch.cat([torch.cat([features[:6], labels], 1), last[None]])
        for layer in learner.layers:
            rows = layer(rows, torch.ones(7, dtype=torch.bool))
        close(output, learner.head(rows[-1]))


def test_the_labels_of_a_task_are_left_as_they_are() -> None:
    """The best-known public code writes zeros into the caller's labels."""
    learner, task = snail(), task_tools.only(tasks(1))
    before = task.support.targets.clone(), task.query.targets.clone()
    list(learner.trajectory(Task(task.support, Examples(*task.query)), 0, NOW))
    assert torch.equal(task.support.targets, before[0])
    assert torch.equal(task.query.targets, before[1])


@pytest.mark.parametrize("wrong", [{"length": 1}, {"filters": 0}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match="2 or more"):
        SNAIL(Network(snail().model.body, 3), Classification(3, 3), **wrong)
