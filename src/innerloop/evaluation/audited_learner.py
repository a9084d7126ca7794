"""The learner under audit: it answers test tasks and never sees the label of a query."""

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.evaluation import changes, disturbed
from innerloop.evaluation.learner import Learner
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Padded, Task

ALONE = 3  #: queries of each task that are asked one at a time

Question = tuple[Examples, tuple[Inputs, ...]]  #: a support, and the inputs of each query set


class AuditedLearner(NamedTuple):
    """A learner, and how it is asked.

    Arguments:
        algorithm: the learner, in evaluation mode.
        chunk: tasks that run side by side; None for the whole batch, 1 where `vmap` is ruled out.
        step: inner step at which it is scored.
        progress: how far its training was, a scalar in 0..1.
        own_objective: scores the answers, out of the learner's reach; None for the learner's own.
    """

    algorithm: Learner
    chunk: int | None
    step: int
    progress: Tensor
    own_objective: Objective | None = None

    @property
    def objective(self) -> Objective:
        """The objective that scores the answers."""
        return self.own_objective or self.algorithm.objective

    @property
    def embeds(self) -> bool:
        """Whether the learner sees the tasks of a batch before it adapts."""
        return self.algorithm.embeds or "embed" in vars(self.algorithm)

    def fresh(self) -> "AuditedLearner":
        """A copy, which protects the learner from its questions; the learner itself if it cannot
        be copied."""
        try:
            return self._replace(algorithm=copy.deepcopy(self.algorithm))
        except Exception:  # each kind of attribute fails in its own way
            return self

    def answers(self, support: Examples, queries: Sequence[Examples], step: int) -> list[Tensor]:
        """Outputs `(T, n, width)` for each of several query sets, with as few adaptations as
        possible."""
        if self.embeds:  # what it sees of a query set may influence its support
            tasks = [self.algorithm.embed(Task(support, _unlabelled(query))) for query in queries]
            return [self._run(step, (t.support, (t.query.inputs,)))[0] for t in tasks]
        return list(self._run(step, (support, tuple(query.inputs for query in queries))))

    def with_and_alone(self, tasks: Task, reordered: Examples) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs for the queries, for another query set, and for a few of the queries, each asked
        as if it were the only one of its task."""
        singles = [disturbed.row(tasks.query, i) for i in rows_asked_alone(tasks)]
        sets = [tasks.query, reordered]
        if not self.embeds:
            outputs, of_reordered, *alone = self.answers(
                tasks.support, [*sets, *singles], self.step
            )
            return outputs, of_reordered, torch.cat(alone, 1)
        outputs, of_reordered = self.answers(tasks.support, sets, self.step)
        return outputs, of_reordered, self._task_by_task(tasks.support, singles)

    def _task_by_task(self, support: Examples, singles: list[Examples]) -> Tensor:
        """Outputs `(T, queries, width)` for single queries; no task sees another."""
        outputs = []
        for i in range(task_tools.count(support)):
            own_support, own_singles = task_tools.part((support, singles), i, i + 1)
            outputs.append(torch.cat(self.answers(own_support, own_singles, self.step), 1))
        return torch.cat(outputs)

    def changed(self, before: Tensor, after: Tensor) -> Tensor:
        """1 for each task with different answers, else 0; see `changes.changed`."""
        return changes.changed(before, after, self.objective.answers == "classes")

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> Tensor:
        """The headline metric of each task, `(T,)`."""
        objective = self.objective
        pairs = [task_tools.only(task_tools.part((outputs, targets), i, i + 1))
                 for i in range(len(outputs))]  # fmt: skip
        scores = [objective.scores(answers, wanted) for answers, wanted in pairs]  # type: ignore[arg-type]
        return torch.stack([score[objective.metric.name] for score in scores])

    def _predict(self, step: int) -> Callable[[Question], tuple[Tensor, ...]]:
        def answer(question: Question) -> tuple[Tensor, ...]:
            support, (first, *others) = question
            unlabelled = Examples(first, support.targets)
            *_, (adapted, outputs) = self.algorithm.trajectory(
                Task(support, unlabelled), step, self.progress, at=(step,), embedded=True
            )
            return outputs, *[self.algorithm.predict(adapted, inputs) for inputs in others]

        return answer

    def _run(self, step: int, questions: Question) -> tuple[Tensor, ...]:
        total = task_tools.count(questions)
        size = min(self.chunk or total, total)
        parts = [
            task_tools.over_tasks(self._predict(step), task_tools.part(questions, s, s + size))
            for s in range(0, total, size)
        ]
        return tuple(torch.cat(outputs) for outputs in zip(*parts, strict=True))


def rows_asked_alone(tasks: Task) -> list[int]:
    """Rows of the few queries that are asked alone, spread over the query set."""
    n = task_tools.count(task_tools.only(tasks.query))
    return [i * n // min(ALONE, n) for i in range(min(ALONE, n))]


def _unlabelled(query: Examples) -> Examples:
    """The queries with zeros for targets."""
    return Examples(query.inputs, tree_map(torch.zeros_like, query.targets))
