"""The Relation network pair by pair, its loss, and its independence of other pairs."""

import pytest
import torch
from helpers import NOW, MapBody, algorithm, close, run, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.metric.relation_net import RelationNet
from innerloop.errors import UserError
from innerloop.layers.relation import RelationModule
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Padded, Task


def score_of_pair(module: RelationModule, class_map: Tensor, query_map: Tensor) -> Tensor:
    """One score by the layers' own functions, for maps `(c, h, w)`."""
    maps = torch.cat([class_map, query_map])[None]
    for convolution, norm, *_ in module.blocks:
        maps = F.conv2d(F.pad(maps, (1, 1, 1, 1)), convolution.weight, convolution.bias)
        maps = (maps - maps.mean()) / (maps.var(correction=0) + 1e-5).sqrt()
        maps = (maps * norm.weight[:, None, None] + norm.bias[:, None, None]).clamp(min=0)
        bottom, right = (side % 2 for side in maps.shape[2:])
        maps = F.max_pool2d(F.pad(maps, (0, right, 0, bottom)), 2)
    hidden, _, out = module.score
    return (out.weight @ hidden(maps.flatten()).clamp(min=0) + out.bias)[0]


def scores_by_hand(learner: RelationNet, task: Task) -> Tensor:
    """The log-odds of every query and class, one pair after the other."""
    support, queries = (learner.model.body(p.inputs).reshape(-1, 2, 2, 3) for p in task)
    labels = task.support.targets
    means = [support[labels == k].mean(0) for k in range(3)]
    rows = [[score_of_pair(learner.relation, mean, query) for mean in means] for query in queries]
    return torch.stack([torch.stack(row) for row in rows])


@pytest.mark.parametrize("shots", [1, 3])
def test_outputs_equal_a_computation_pair_by_pair(shots: int) -> None:
    learner, task = algorithm("relation_net", MapBody()), task_tools.only(tasks(1, shots=shots))
    assert isinstance(learner, RelationNet)
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    expected = scores_by_hand(learner, task)
    close(outputs, expected)
    assert expected.std() > 1e-4


def test_the_loss_is_the_squared_error_of_scores_between_zero_and_one() -> None:
    learner, batch = algorithm("relation_net", MapBody()), tasks(1)
    assert isinstance(learner, RelationNet)
    task = task_tools.only(batch)
    scores = 1 / (1 + (-scores_by_hand(learner, task)).exp())
    expected = F.mse_loss(scores, F.one_hot(task.query.targets, 3).double())
    close(run(learner, batch)[0], expected.detach())


def test_a_class_without_support_and_padded_queries_do_not_count_in_the_loss() -> None:
    learner, batch = algorithm("relation_net", MapBody(), 4), tasks(1)
    expected, _ = run(algorithm_like(learner, ways=3), batch)
    support, query = batch
    real = torch.ones(1, 6, dtype=torch.bool)
    more = torch.full((1, 2, 3), 7.0, dtype=torch.float64)
    inputs = torch.cat([query.inputs, more], 1)
    counted = torch.cat([real, torch.zeros(1, 2, dtype=torch.bool)], 1)
    targets = F.pad(query.targets, (0, 2), value=task_tools.PADDING)
    padded = Task(
        Examples(Padded(support.inputs, real), support.targets),
        Examples(Padded(inputs, counted), targets),
    )
    loss, gradient = run(learner, padded)
    close(loss, expected)
    assert all(slope.isfinite().all() for slope in gradient.values())


def algorithm_like(learner: nn.Module, ways: int) -> RelationNet:
    """The same weights with another number of classes."""
    other = algorithm("relation_net", MapBody(), ways)
    other.load_state_dict(learner.state_dict())
    assert isinstance(other, RelationNet)
    return other


@pytest.mark.parametrize("sides", [(1, 1), (2, 2), (5, 5), (7, 3)])
def test_maps_of_any_size_are_compared(sides: tuple[int, int]) -> None:
    maps = torch.randn(2, 3, *sides)
    assert RelationModule((3, *sides), filters=4)(maps, maps).shape == (2,)


def test_a_relation_module_needs_filters_and_hidden_units() -> None:
    with pytest.raises(UserError, match=r"algorithm.hidden=0: give 1 or more"):
        RelationNet(Network(MapBody(), 3), Classification(3, 3), hidden=0)
