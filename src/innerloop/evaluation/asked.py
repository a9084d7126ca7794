"""A learner that is asked about test tasks, with no label of a query in its reach.

A learner is taken for what the contract says it has: `trajectory`, `predict`, `embed`, `embeds` and
`objective`. Nothing here knows which algorithm it is.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.evaluation import disturbed
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Task

ALONE = 3  #: queries of each task that are asked one at a time


class Asked(NamedTuple):
    """A learner that is asked.

    Arguments:
        algorithm: what answers, in evaluation mode.
        chunk: tasks side by side; None for all of a batch, 1 where `vmap` is ruled out.
        step: inner step at which it is scored.
        progress: how far its training was, in 0..1.
        own_objective: what scores the answers, out of the learner's reach; None for the learner's.
    """

    algorithm: Any
    chunk: int | None
    step: int
    progress: Tensor
    own_objective: Objective | None = None

    @property
    def objective(self) -> Objective:
        """What scores the answers."""
        return self.own_objective or self.algorithm.objective

    @property
    def embeds(self) -> bool:
        """Whether the learner is shown the tasks of a batch before it adapts."""
        return self.algorithm.embeds or "embed" in vars(self.algorithm)

    def fresh(self) -> "Asked":
        """A copy that what it is asked does not change; the learner itself if it has no copy."""
        try:
            return self._replace(algorithm=copy.deepcopy(self.algorithm))
        except Exception:  # of as many kinds as there are attributes
            return self

    def answers(self, support: Examples, queries: Sequence[Examples], step: int) -> list[Tensor]:
        """Outputs `(T, n, width)` for each of several query sets, adapting as rarely as can be."""
        if self.embeds:  # what it sees of a query set may reach its support
            tasks = [self.algorithm.embed(Task(support, _unlabelled(query))) for query in queries]
            return [self._run(step, (t.support, (t.query.inputs,)))[0] for t in tasks]
        return list(self._run(step, (support, tuple(query.inputs for query in queries))))

    def with_and_alone(self, tasks: Task, others: Examples) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs for the queries, for another query set, and for a few of the queries, each asked
        as if it were its task's only one."""
        queries = [disturbed.row(tasks.query, i) for i in few(tasks)]
        sets = [tasks.query, others]
        if not self.embeds:
            outputs, other, *alone = self.answers(tasks.support, [*sets, *queries], self.step)
            return outputs, other, torch.cat(alone, 1)
        outputs, other = self.answers(tasks.support, sets, self.step)
        found = []
        for i in range(task_tools.count(tasks)):  # nor does it see another task
            support, own = task_tools.part((tasks.support, queries), i, i + 1)
            found.append(torch.cat(self.answers(support, own, self.step), 1))
        return outputs, other, torch.cat(found)

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The headline metric of each task, `(T,)`."""
        objective = self.objective
        pairs = zip(outputs, targets, strict=True)
        return torch.stack([objective.scores(o, t)[objective.metric.name] for o, t in pairs])

    def _predict(self, step: int) -> Callable[[Any], tuple[Tensor, ...]]:
        def one(task: Any) -> tuple[Tensor, ...]:
            support, (first, *others) = task
            unlabelled = Examples(first, support.targets)
            *_, (adapted, outputs) = self.algorithm.trajectory(
                Task(support, unlabelled), step, self.progress, at=(step,), embedded=True
            )
            return outputs, *[self.algorithm.predict(adapted, inputs) for inputs in others]

        return one

    def _run(self, step: int, tasks: Any) -> tuple[Tensor, ...]:
        total = task_tools.count(tasks)
        size = min(self.chunk or total, total)
        parts = [
            task_tools.over_tasks(self._predict(step), task_tools.part(tasks, s, s + size))
            for s in range(0, total, size)
        ]
        return tuple(torch.cat(outputs) for outputs in zip(*parts, strict=True))


def few(tasks: Task) -> list[int]:
    """Rows of a few queries, spread over the query set."""
    n = tasks.query.targets.shape[1]
    return [i * n // min(ALONE, n) for i in range(min(ALONE, n))]


def _unlabelled(query: Examples) -> Examples:
    """The queries with targets that say nothing."""
    return Examples(query.inputs, torch.zeros_like(query.targets))
