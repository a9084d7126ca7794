"""The transformer in context against PyTorch's own attention, in float64, and its invariances."""

import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, close, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.in_context.in_context import InContext
from innerloop.errors import UserError
from innerloop.layers.simplex import simplex
from innerloop.layers.transformer import Block
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task


def in_context(*more: str) -> InContext:
    sizes = ("algorithm.width=12", "algorithm.layers=2", "algorithm.most_ways=8")
    learner = algorithm("in_context", None, 3, False, *sizes, *more)
    assert isinstance(learner, InContext)
    return learner


def outputs_of(learner: Algorithm, task: Task) -> Tensor:
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    return outputs


def pytorchs(block: Block, rows: Tensor, others: Tensor) -> Tensor:
    """A block by PyTorch's attention."""
    read, x = block.first_norm(others), block.first_norm(rows)
    layer = block.attention
    none = torch.zeros(12).double()
    result, _ = F.multi_head_attention_forward(
        x[:, None], read[:, None], read[:, None], 12, layer.heads,
        torch.cat([layer.query.weight, layer.key.weight, layer.value.weight]),
        torch.cat([none, none, layer.value.bias]), None, None, False, 0.0,
        layer.out.weight, layer.out.bias, need_weights=False,
    )  # fmt: skip
    rows = rows + result[:, 0]
    return rows + block.feed(block.second_norm(rows))


def in_context_by_hand(learner: InContext, x: Tensor, labels: Tensor, query: Tensor) -> Tensor:
    vectors = torch.stack([learner.unknown, *[learner.labels[label] for label in labels]])
    centred = torch.cat([query[None], x]) - x.mean(0)
    rows = torch.cat([learner.entry(learner.scale(centred)), vectors], 1)
    for block in learner.blocks:
        rows = pytorchs(block, rows, rows)
    read = learner.exit(learner.norm(rows[0]))
    return torch.stack([read @ learner.labels[k] for k in range(3)])


def test_outputs_equal_a_computation_by_pytorchs_attention() -> None:
    learner, task = in_context(), task_tools.only(tasks(1))
    nn.init.normal_(learner.unknown)
    support, queries = (learner.model.body(part.inputs) for part in task)
    expected = [
        in_context_by_hand(learner, support, task.support.targets, query) for query in queries
    ]
    close(outputs_of(learner, task), torch.stack(expected))
    assert torch.stack(expected).std() > 1e-2


def test_more_classes_than_in_training_are_answered_up_to_the_most() -> None:
    learner = in_context().eval()
    assert outputs_of(learner, task_tools.only(tasks(1))).shape[1] == 3
    learner.objective = Classification(3, 7)
    assert outputs_of(learner, task_tools.only(tasks(1, ways=7))).shape[1] == 7


@pytest.mark.parametrize("classes", [(9, 3), (3, 9)])
def test_more_classes_than_the_most_are_refused(classes: tuple[int, int]) -> None:
    learner = in_context()
    with pytest.raises(UserError, match="most_ways=8 .* tasks of 9 classes: give 9"):
        type(learner)(learner.model, Classification(*classes), most_ways=8)


def test_the_labels_of_the_support_change_the_answers() -> None:
    learner, task = in_context(), task_tools.only(tasks(1))
    names = torch.tensor([1, 2, 0])
    other = Task(Examples(task.support.inputs, names[task.support.targets]), task.query)
    assert (outputs_of(learner, other) - outputs_of(learner, task)).abs().max() > 1e-3


@pytest.mark.parametrize("count", [2, 5, 20])
def test_label_vectors_are_the_corners_of_a_regular_simplex(count: int) -> None:
    vectors = simplex(count).double()
    products = torch.full((count, count), -1 / (count - 1)).double()
    products.fill_diagonal_(1)
    close(vectors @ vectors.T, products, rtol=1e-5, atol=1e-6)
    close(vectors.sum(0), torch.zeros(count), atol=1e-5)


def test_label_vectors_are_neither_trained_nor_stored() -> None:
    learner = in_context()
    assert "labels" not in dict(learner.named_parameters()) | learner.state_dict()


def test_before_training_it_copies_the_label_of_the_example_that_a_query_equals() -> None:
    body = nn.Flatten()
    body.width = 3  # type: ignore[assignment]
    learner = InContext(Network(body, 3), Classification(3, 3)).double().eval()
    support = Examples(torch.eye(3).double(), torch.tensor([2, 0, 1]))
    outputs = outputs_of(learner, Task(support, support))
    close(outputs.argmax(1), support.targets)


def test_a_width_without_room_for_features_is_refused() -> None:
    with pytest.raises(UserError, match="no room for features beside the 20 label vectors"):
        InContext(Network(SmoothBody(), 3), Classification(3, 3), width=20)
