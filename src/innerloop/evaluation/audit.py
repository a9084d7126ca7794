"""Audits a learner: asks it disturbed test tasks, and stamps what its answers depended on.

Measured rather than declared: nothing here knows which algorithm it asks. A learner is taken for
what the contract says it has: `adapt`, `predict`, `embed`, `embeds` and `objective`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from innerloop import tasks as task_tools
from innerloop.evaluation import disturbed, stamps
from innerloop.tasks import Examples, Task

ALONE = 3  #: queries of each task that are asked one at a time
SEED = 20170403  # of the disturbances


class Asked(NamedTuple):
    """A learner that is asked.

    Arguments:
        algorithm: what answers, in evaluation mode.
        chunk: tasks side by side; None for all of a batch.
        step: inner step at which it is scored.
        progress: how far its training was, in 0..1.
    """

    algorithm: Any
    chunk: int | None
    step: int
    progress: Tensor

    def answers(self, support: Examples, queries: Sequence[Examples], step: int) -> list[Tensor]:
        """Outputs `(T, n, width)` for each of several query sets, adapting as rarely as can be."""
        if self.algorithm.embeds:  # what it sees of a query set may reach its support
            tasks = [self.algorithm.embed(Task(support, query)) for query in queries]
            return [self._run(self._predict(step), (t.support, (t.query,)))[0] for t in tasks]
        return list(self._run(self._predict(step), (support, tuple(queries))))

    def alone(self, tasks: Task) -> Tensor:
        """Outputs for a few queries, each asked as if it were its task's only one."""
        queries = [disturbed.row(tasks.query, i) for i in _few(tasks)]
        if not self.algorithm.embeds:
            return torch.cat(self.answers(tasks.support, queries, self.step), 1)
        found = []
        for i in range(task_tools.count(tasks)):  # nor does it see another task
            support, own = task_tools.part((tasks.support, queries), i, i + 1)
            found.append(torch.cat(self.answers(support, own, self.step), 1))
        return torch.cat(found)

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The headline metric of each task, `(T,)`."""
        objective = self.algorithm.objective
        pairs = zip(outputs, targets, strict=True)
        return torch.stack([objective.scores(o, t)[objective.metric] for o, t in pairs])

    def _predict(self, step: int) -> Callable[[Any], tuple[Tensor, ...]]:
        def one(task: Any) -> tuple[Tensor, ...]:
            support, queries = task
            *_, adapted = self.algorithm.adapt(support, step, self.progress)
            return tuple(self.algorithm.predict(adapted, query.inputs) for query in queries)

        return one

    def _run(self, function: Callable[[Any], tuple[Tensor, ...]], tasks: Any) -> tuple[Tensor, ...]:
        total = task_tools.count(tasks)
        size = min(self.chunk or total, total)
        parts = [
            _side_by_side(function, task_tools.part(tasks, s, s + size))
            for s in range(0, total, size)
        ]
        return tuple(torch.cat(found) for found in zip(*parts, strict=True))


def audit(asked: Asked, batches: Iterable[Task]) -> dict[str, Any]:
    """Stamps and the numbers behind them, see `innerloop.evaluation.stamps`.

    Arguments:
        batches: test tasks, as the learner was tested on.
    """
    algorithm, random = asked.algorithm, torch.Generator().manual_seed(SEED)
    training = algorithm.training
    algorithm.eval()
    exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    try:
        with torch.no_grad(), exact:
            parts = [_measured(asked, tasks, random) for tasks in batches]
    finally:
        algorithm.train(training)
    together = {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
    objective = algorithm.objective
    return stamps.judged(together, objective.classes(False), objective.higher_is_better)


def _measured(asked: Asked, tasks: Task, random: torch.Generator) -> dict[str, Tensor]:
    """`(T,)` values of every question."""
    ways = asked.algorithm.objective.classes(False)
    order = disturbed.orders(tasks.query, random)
    outputs, mixed = asked.answers(
        tasks.support, [tasks.query, disturbed.rows(tasks.query, order)], asked.step
    )
    shuffled = disturbed.labels_shuffled(tasks, random)
    misled = asked.answers(shuffled.support, [tasks.query], asked.step)[0]
    sorted_back = mixed.gather(1, order.argsort(1)[..., None].expand_as(mixed))

    def score(disturbed_tasks: Task, step: int = asked.step) -> Tensor:
        found = asked.answers(disturbed_tasks.support, [disturbed_tasks.query], step)[0]
        return asked.scores(found, disturbed_tasks.query.targets)

    found = {
        "score": asked.scores(outputs, tasks.query.targets),
        "alone": stamps.changed(outputs[:, _few(tasks)], asked.alone(tasks), ways is not None),
        "queries": stamps.changed(outputs, sorted_back, ways is not None),
        "labels": stamps.changed(outputs, misled, ways is not None),
        "shuffled": asked.scores(misled, tasks.query.targets),
        "reordered": score(disturbed.support_reordered(tasks, random)),
    }
    if ways is None:
        return found
    # A learner without steps is not adapted as long as its support's labels say nothing.
    by_steps = asked.algorithm.adapts_by_steps
    before = score(tasks, step=0) if by_steps else found["shuffled"]
    renamed = score(disturbed.relabelled(tasks, ways, random))
    return found | {"before": before, "relabelled": renamed}


def _few(tasks: Task) -> list[int]:
    """Rows of a few queries, spread over the query set."""
    n = tasks.query.targets.shape[1]
    return [i * n // min(ALONE, n) for i in range(min(ALONE, n))]


def _side_by_side(function: Callable[[Any], tuple[Tensor, ...]], tasks: Any) -> tuple[Tensor, ...]:
    if task_tools.count(tasks) > 1:
        return vmap(function, randomness="different")(tasks)
    return tuple(output[None] for output in function(task_tools.only(tasks)))
