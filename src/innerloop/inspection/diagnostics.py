"""What goes on inside a learner while it adapts: measured on a few tasks, one at a time."""

from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.evaluation.interval import over_tasks
from innerloop.evaluation.similarity import cosines, linear_cka, spread
from innerloop.inspection.layers import trace
from innerloop.tasks import Task


def task_gradients(algorithm: Algorithm, tasks: Task, progress: Tensor) -> Tensor:
    """The gradient of each task's meta-loss for all parameters as one vector, `(T, parameters)`."""
    values = {k: p.detach() for k, p in algorithm.named_parameters() if p.requires_grad}

    def of_task(index: int) -> Tensor:
        task = task_tools.part(tasks, index, index + 1)
        slopes = grad(lambda p: functional_call(algorithm, p, (task, progress)))(values)
        return torch.cat([slope.flatten() for slope in slopes.values()]).detach()

    return torch.stack([of_task(i) for i in range(task_tools.count(tasks))])


def learned_rates(algorithm: Algorithm) -> dict[str, Tensor]:
    """Spread of all learned inner rates; empty where none are learned."""
    rates = algorithm.learned_rates().values()
    return spread(torch.cat([r.detach().flatten() for r in rates])) if rates else {}


def measure(algorithm: Algorithm, tasks: Task, steps: int, progress: Tensor) -> dict[str, Any]:
    """Means over tasks, with intervals, of

    * `support_loss/step_k` and `query_loss/step_k` after k inner steps,
    * `cka/LAYER`, how alike a layer's answers to the queries are before and after the last step
      (Raghu et al., "Rapid learning or feature reuse?", 2020, section 3.2.2),
    * `update/LAYER`, the distance that a layer's parameters moved, relative to their norm,
    * `gradient_norm` of the tasks' meta-gradients;

    and the spread of `gradient_cosine` over pairs of tasks, and of learned `rate`s.

    The learner is taken as it is in a test, running averages included, also for the meta-gradients.
    """
    training = algorithm.training
    algorithm.eval()
    with torch.inference_mode(False):
        gradients = task_gradients(algorithm, tasks, progress)
        singles = [task_tools.part(tasks, i, i + 1) for i in range(len(gradients))]
        with torch.no_grad():
            rows = [_adaptation(algorithm, single, steps, progress) for single in singles]
    algorithm.train(training)
    columns = {
        name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]
    }
    columns["gradient_norm"] = gradients.norm(dim=1)
    found: dict[str, Any] = {name: over_tasks(c)._asdict() for name, c in columns.items()}
    if len(gradients) > 1:
        found["gradient_cosine"] = _plain(spread(cosines(gradients)))
    if rates := learned_rates(algorithm):
        found["rate"] = _plain(rates)
    return found


def _adaptation(
    algorithm: Algorithm, single: Task, steps: int, progress: Tensor
) -> dict[str, float]:
    """What one task's adaptation did, by name."""
    alone = task_tools.alone(task_tools.trimmed(task_tools.only(single)))
    task, row, loss = task_tools.only(algorithm.embed(alone)), {}, algorithm.objective.loss
    path = list(algorithm.trajectory(task, steps, progress, embedded=True))
    for step, (adapted, outputs) in enumerate(path):
        of_support = algorithm.predict(adapted, task.support.inputs)
        row[f"support_loss/step_{step}"] = float(loss(of_support, task.support.targets))
        row[f"query_loss/step_{step}"] = float(loss(outputs, task.query.targets))
    if len(path) == 1:
        return row
    before, after = (trace(algorithm, path[k][0], task.query.inputs) for k in (0, -1))
    for layer in _in_both(before.features, after.features):
        row[f"cka/{layer}"] = float(linear_cka(before.features[layer], after.features[layer]))
    for layer in _in_both(before.parameters, after.parameters):
        start = before.parameters[layer]
        if start.any():  # a head that starts at zero moved by no share of itself
            row[f"update/{layer}"] = float((after.parameters[layer] - start).norm() / start.norm())
    return row


def _in_both(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    return [name for name in first if name in second]


def _plain(values: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
