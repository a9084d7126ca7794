"""The prior-fitted network against PyTorch's own attention, in float64, and its invariances."""

import pytest
import torch
from helpers import NOW, algorithm, close, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.layers.transformer import Block
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task


def pfn() -> Algorithm:
    return algorithm("pfn", None, 3, False, "algorithm.width=8", "algorithm.layers=2")


def outputs_of(learner: Algorithm, task: Task) -> Tensor:
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    return outputs


def pytorchs(block: Block, rows: Tensor, others: Tensor) -> Tensor:
    """A block by PyTorch's attention."""
    read, x = block.first_norm(others), block.first_norm(rows)
    layer = block.attention
    none = torch.zeros(8).double()
    result, _ = F.multi_head_attention_forward(
        x[:, None], read[:, None], read[:, None], 8, layer.heads,
        torch.cat([layer.query.weight, layer.key.weight, layer.value.weight]),
        torch.cat([none, none, layer.value.bias]), None, None, False, 0.0,
        layer.out.weight, layer.out.bias, need_weights=False,
    )  # fmt: skip
    rows = rows + result[:, 0]
    return rows + block.feed(block.second_norm(rows))


def pfn_by_hand(learner: nn.Module, x: Tensor, labels: Tensor, query: Tensor) -> Tensor:
    mean, deviation = x.mean(0), (x.var(0, correction=0) + 1e-5).sqrt()
    rows = learner.entry((x - mean) / deviation) + learner.label.weight.T[labels]
    answer = learner.entry((query - mean) / deviation)[None]
    for block in learner.blocks:
        answer, rows = pytorchs(block, answer, rows), pytorchs(block, rows, rows)
    return learner.exit(learner.norm(answer[0]))[:3]


def test_outputs_equal_a_computation_by_pytorchs_attention() -> None:
    learner, task = pfn(), task_tools.only(tasks(1))
    support, queries = (learner.model.body(part.inputs) for part in task)
    expected = [pfn_by_hand(learner, support, task.support.targets, query) for query in queries]
    close(outputs_of(learner, task), torch.stack(expected))
    assert torch.stack(expected).std() > 1e-2


def test_more_classes_than_in_training_are_answered_up_to_the_most() -> None:
    learner = pfn().eval()
    assert outputs_of(learner, task_tools.only(tasks(1))).shape[1] == 3
    learner.objective = Classification(3, 7)
    assert outputs_of(learner, task_tools.only(tasks(1, ways=7))).shape[1] == 7


@pytest.mark.parametrize("classes", [(9, 3), (3, 9)])
def test_more_classes_than_the_most_are_refused(classes: tuple[int, int]) -> None:
    learner = pfn()
    with pytest.raises(UserError, match="most_ways=8 .* tasks of 9 classes: give 9"):
        type(learner)(learner.model, Classification(*classes), most_ways=8)


def test_the_labels_of_the_support_change_the_answers() -> None:
    learner, task = pfn(), task_tools.only(tasks(1))
    names = torch.tensor([1, 2, 0])
    other = Task(Examples(task.support.inputs, names[task.support.targets]), task.query)
    assert (outputs_of(learner, other) - outputs_of(learner, task)).abs().max() > 1e-3


def test_a_prior_fitted_network_does_not_see_shift_and_scale_of_features() -> None:
    learner, task = pfn(), task_tools.only(tasks(1, shots=4))
    learner.model.body = nn.Identity()
    learner.entry = nn.Linear(3, 8).double()
    scale, shift = torch.tensor([30.0, 200.0, 5.0]), torch.tensor([4.0, -70.0, 0.3])
    moved = Task(*[Examples(scale * x + shift, y) for x, y in task])
    # As close as 1e-5 allows, which is added to every variance.
    close(outputs_of(learner, moved), outputs_of(learner, task), rtol=1e-4, atol=1e-5)
