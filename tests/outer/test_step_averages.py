"""Running averages of batch norm for each inner step against computations by hand, in float64."""

import copy
from typing import Any

import pytest
import torch
from helpers import (
    NOW,
    SmoothConv,
    algorithm,
    algorithm_around,
    algorithms_that,
    close,
    run,
    tasks,
)
from padding import padded, single
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.maml import MAML
from innerloop.engines.engine import Engine
from innerloop.engines.learn2learn import Learn2LearnEngine
from innerloop.layers import layout, norm
from innerloop.layers.norm import TaskNorm
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.outer import running_averages
from innerloop.tasks import Examples, Task

THREE = Classification(3, 3)
IMAGES = (1, 4, 4)
STEPPING = algorithms_that(lambda learner: learner.adapts_by_steps and not learner.embeds)


def batch_norm_of(learner: Algorithm) -> TaskNorm:
    (layer,) = norm.layers(learner)
    return layer


def with_averages(mode: str = "per_step", name: str = "maml") -> Algorithm:
    """A learner in evaluation whose averages are not those that it began with."""
    learner = algorithm_around(Network(SmoothConv(mode), 3), THREE, name)
    with torch.no_grad():
        batch_norm_of(learner).running_mean.normal_()
        batch_norm_of(learner).running_var.uniform_(0.5, 2)
    return learner.eval()


@pytest.mark.parametrize("step", [0, 1, 2, 5])
def test_a_step_uses_its_own_averages_in_the_test(step: int) -> None:
    ours, theirs = TaskNorm(3, "per_step").double(), nn.BatchNorm2d(3).double().eval()
    ours.separate_steps(3)
    with torch.no_grad():
        ours.running_mean.normal_()
        ours.running_var.uniform_(0.5, 2)
    row = min(step, 2)  # the last one serves the steps beyond
    theirs.load_state_dict({
        "running_mean": ours.running_mean[row], "running_var": ours.running_var[row],
        "weight": ours.weight, "bias": ours.bias, "num_batches_tracked": torch.tensor(1),
    })  # fmt: skip
    x = torch.randn(5, 3, 4, 4).double()
    with layout.at_step(step):
        close(ours.eval()(x), theirs(x))
        close(ours.train()(x), theirs.train()(x))


def by_hand(learner: Algorithm, batch: Task) -> tuple[Tensor, Tensor]:
    """Mean and variance of what batch norm gets in each step, `(steps, channels)`, by autograd."""
    rows: list[list[Tensor]] = [[] for _ in range(learner.steps)]
    for i in range(task_tools.count(batch)):
        task = task_tools.only(task_tools.part(batch, i, i + 1))
        twin = copy.deepcopy(learner.model)
        for step in range(learner.steps):
            rows[step].append(_statistics(twin, task.support))
            loss = F.cross_entropy(twin(task.support.inputs), task.support.targets)
            slopes = torch.autograd.grad(loss, list(twin.parameters()))
            with torch.no_grad():
                for p, g in zip(twin.parameters(), slopes, strict=True):
                    p -= 0.1 * g
            rows[step].append(_statistics(twin, task.query))
    means = torch.stack([torch.stack(row).mean(0) for row in rows])
    return means[:, 0], means[:, 1]


def _statistics(model: Any, examples: Examples) -> Tensor:
    maps = model.body.layers[0](examples.inputs)
    return torch.stack([maps.mean((0, 2, 3)), maps.var((0, 2, 3))]).detach()


@pytest.mark.parametrize("side_by_side", [True, False])
def test_averages_follow_the_support_of_a_step_and_the_queries_after_it(side_by_side: bool) -> None:
    learner = algorithm_around(Network(SmoothConv("per_step"), 3), THREE, "maml")
    batch, layer = tasks(3, shape=IMAGES), batch_norm_of(learner)
    mean, variance = by_hand(learner, batch)
    running_averages.update(learner, batch, NOW, side_by_side)
    close(layer.running_mean, 0.1 * mean)
    close(layer.running_var, 0.9 + 0.1 * variance)
    assert (layer.running_mean[0] - layer.running_mean[1]).abs().max() > 1e-4


def test_averages_follow_the_real_rows_of_padded_tasks() -> None:
    singles = [single(3, 2, 2, IMAGES), single(3, 4, 1, IMAGES)]
    learner = algorithm_around(Network(SmoothConv("per_step"), 3), THREE, "maml")
    layer, statistics = batch_norm_of(learner), []
    for task in singles:
        statistics.append(by_hand(learner, task_tools.alone(task)))
    running_averages.update(learner, padded(singles), NOW)
    mean, variance = (torch.stack(part).mean(0) for part in zip(*statistics, strict=True))
    close(layer.running_mean, 0.1 * mean)
    close(layer.running_var, 0.9 + 0.1 * variance)


class Spy(nn.Module):
    """A body that notes the step of each of its passes."""

    width = 3

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.steps = SmoothConv("per_step"), []

    def forward(self, images: Tensor) -> Tensor:
        self.steps.append(layout.current().step)
        return self.conv(images)


@pytest.mark.parametrize("name", STEPPING)
def test_the_step_reaches_the_layers_without_the_authors_doing(name: str) -> None:
    spy = Spy()
    learner = algorithm_around(Network(spy, 3), THREE, name)
    task = task_tools.only(tasks(1, shape=IMAGES))
    path = list(learner.adapt(task.support, 3, NOW))
    passes, spy.steps = spy.steps, []
    assert passes == sorted(passes) and set(passes) <= {0, 1, 2}
    for adapted in path:
        learner.predict(adapted, task.query.inputs)
    assert spy.steps in ([0, 0, 1, 2], [])  # some read no image
    if isinstance(learner, MAML) and name != "anil":
        assert set(passes) == {0, 1, 2}


@pytest.mark.parametrize("name", STEPPING)
def test_with_equal_averages_in_all_steps_it_equals_running_averages(name: str) -> None:
    running, per_step = with_averages("running", name), with_averages("per_step", name)
    state = {k: v.expand_as(per_step.state_dict()[k]) for k, v in running.state_dict().items()}
    per_step.load_state_dict(state)
    batch = tasks(2, shape=IMAGES)
    close(per_step.scores(batch, 3, NOW), running.scores(batch, 3, NOW))


def test_the_averages_of_a_step_change_the_answers_after_it_alone() -> None:
    learner = with_averages()
    task = task_tools.only(tasks(1, shape=IMAGES))
    before = [outputs for _, outputs in learner.trajectory(task, 3, NOW)]
    with torch.no_grad():
        batch_norm_of(learner).running_mean[1] += 1
    after = [outputs for _, outputs in learner.trajectory(task, 3, NOW)]
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, False, False]


def test_in_the_test_a_query_does_not_depend_on_the_others() -> None:
    learner = with_averages()
    task = task_tools.only(tasks(1, shape=IMAGES))
    *_, adapted = learner.adapt(task.support, 2, NOW)
    together = learner.predict(adapted, task.query.inputs)
    for i in range(len(together)):
        close(learner.predict(adapted, task.query.inputs[i : i + 1])[0], together[i])


def test_in_training_it_normalises_by_the_batch() -> None:
    batch = tasks(shape=IMAGES)
    learner = algorithm_around(Network(SmoothConv("per_step"), 3), THREE, "maml")
    other = algorithm_around(Network(SmoothConv("transductive"), 3), THREE, "maml")
    other.load_state_dict(learner.state_dict(), strict=False)
    close(run(learner, batch), run(other, batch))


@pytest.mark.parametrize("name", algorithms_that(lambda learner: learner.embeds))
def test_learners_that_embed_refuse_it(name: str) -> None:
    with pytest.raises(Exception, match="norm=running"):
        algorithm(name, SmoothConv("per_step"))


def test_learn2learn_uses_the_averages_of_each_step() -> None:
    learner, batch = with_averages(), tasks(2, shape=IMAGES)
    layer = batch_norm_of(learner)
    layer.running_mean += torch.randn_like(layer.running_mean)
    scores = Learn2LearnEngine(learner).scores(learner, batch, 3, NOW)
    close(learner.scores(batch, 3, NOW), scores)


def test_checkpointed_inner_steps_know_their_number() -> None:
    learner, batch = algorithm("mamlpp", SmoothConv("per_step")), tasks(3, shape=IMAGES)
    learner.steps = 3
    expected = Engine().meta_gradient(learner, batch, NOW)
    close(Engine(checkpoint=True).meta_gradient(learner, batch, NOW), expected)
