"""Measurements inside a learner while it adapts, on a few tasks, one at a time."""

import copy
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.func import functional_call, grad

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.evaluation.interval import over_tasks
from innerloop.evaluation.similarity import cosines, linear_cka, spread
from innerloop.inspection.layers import Trace, trace
from innerloop.layers import early_pooling
from innerloop.machine import threads
from innerloop.tasks import Task

Result = TypeVar("Result")
Entries = dict[str, dict[str, float]]  #: by name of the quantity: its mean and interval or spread


def task_gradients(algorithm: Algorithm, tasks: Task, progress: Tensor, cores: int = 1) -> Tensor:
    """The meta-gradient of each task, for all parameters as one vector: `(T, parameters)`.

    Arguments:
        cores: tasks at once, each on a core and with a copy of the learner.
    """

    def of_task(learner: Algorithm, task: Task) -> Tensor:
        values = {k: p.detach() for k, p in learner.named_parameters() if p.requires_grad}
        slopes = grad(lambda p: functional_call(learner, p, (task, progress)))(values)
        return torch.cat([slope.flatten() for slope in slopes.values()]).detach()

    return torch.stack(_of_each(of_task, algorithm, tasks, cores))


def _of_each(
    measure: Callable[[Algorithm, Task], Result], algorithm: Algorithm, tasks: Task, cores: int
) -> list[Result]:
    """What is measured of each task of a batch, alone."""
    singles = [task_tools.part(tasks, i, i + 1) for i in range(task_tools.count(tasks))]
    if cores == 1:
        return [measure(algorithm, single) for single in singles]
    return threads.deal([partial(measure, copy.deepcopy(algorithm), s) for s in singles], cores)


def learned_rates(algorithm: Algorithm) -> dict[str, Tensor]:
    """Spread of all learned inner rates; empty if no rate is learned."""
    rates = algorithm.learned_rates().values()
    return spread(torch.cat([r.detach().flatten() for r in rates])) if rates else {}


def measure(
    algorithm: Algorithm, tasks: Task, steps: int, progress: Tensor, cores: int = 1
) -> Entries:
    """Means over tasks, with intervals, of

    * `support_loss/step_k` and `query_loss/step_k` after k inner steps,
    * `cka/LAYER`, the similarity of a layer's outputs for the queries before and after the last
      step (Raghu et al., "Rapid learning or feature reuse?", 2020, section 3.2.2),
    * `update/LAYER`, the distance that a layer's parameters moved, relative to their norm,
    * `gradient_norm`, the norm of the tasks' meta-gradients;

    and the spread of `gradient_cosine` over pairs of tasks, and of the learned `rate`s.

    The learner is in evaluation mode, also for the meta-gradients.

    Arguments:
        tasks: a batch; its tasks are measured one at a time.
        steps: inner steps.
        progress: how far training is, a scalar in 0..1.
        cores: as in `task_gradients`.
    """
    training = algorithm.training
    algorithm.eval()
    with torch.inference_mode(False), early_pooling.allowed():
        gradients = task_gradients(algorithm, tasks, progress, cores)
        columns = _adaptations(algorithm, tasks, steps, progress, cores)
    algorithm.train(training)
    columns["gradient_norm"] = gradients.norm(dim=1)
    entries: Entries = {name: over_tasks(c)._asdict() for name, c in columns.items()}
    if len(gradients) > 1:
        entries["gradient_cosine"] = _plain(spread(cosines(gradients)))
    if rates := learned_rates(algorithm):
        entries["rate"] = _plain(rates)
    return entries


def _adaptations(
    algorithm: Algorithm, tasks: Task, steps: int, progress: Tensor, cores: int
) -> dict[str, Tensor]:
    """Each quantity of `_adaptation` for all tasks, `(T,)` in float64."""

    def of_task(learner: Algorithm, task: Task) -> dict[str, float]:
        return _adaptation(learner, task, steps, progress)

    with torch.no_grad():
        rows = _of_each(of_task, algorithm, tasks, cores)
    return {
        name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]
    }


def _adaptation(
    algorithm: Algorithm, single: Task, steps: int, progress: Tensor
) -> dict[str, float]:
    """The losses by step and the changes by layer of one task."""
    alone = task_tools.alone(task_tools.trimmed(task_tools.only(single)))
    task, losses, loss = task_tools.only(algorithm.embed(alone)), {}, algorithm.objective.loss
    path = list(algorithm.trajectory(task, steps, progress, embedded=True))
    for step, (adapted, outputs) in enumerate(path):
        of_support = algorithm.predict(adapted, task.support.inputs)
        losses[f"support_loss/step_{step}"] = float(loss(of_support, task.support.targets))
        losses[f"query_loss/step_{step}"] = float(loss(outputs, task.query.targets))
    if len(path) == 1:
        return losses
    with early_pooling.allowed(False):  # layer after layer
        before, after = (trace(algorithm, path[k][0], task.query.inputs) for k in (0, -1))
    return losses | _changes(before, after)


def _changes(before: Trace, after: Trace) -> dict[str, float]:
    """`cka/LAYER` and `update/LAYER` of all layers."""
    changes = {}
    for layer in _in_both(before.features, after.features):
        changes[f"cka/{layer}"] = float(linear_cka(before.features[layer], after.features[layer]))
    for layer in _in_both(before.parameters, after.parameters):
        start, end = before.parameters[layer], after.parameters[layer]
        if start.any():  # a head that starts at zero has no relative distance
            changes[f"update/{layer}"] = float((end - start).norm() / start.norm())
    return changes


def _in_both(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    return [name for name in first if name in second]


def _plain(values: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
