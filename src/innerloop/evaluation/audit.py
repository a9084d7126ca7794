"""Audits a learner: asks it disturbed test tasks and stamps what its answers depend on.

The stamps are measured, not declared: nothing here knows which algorithm it asks, and no question
contains the label of a query.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.evaluation import findings, questions, stamps
from innerloop.evaluation.audited_learner import AuditedLearner
from innerloop.machine import matmul, threads
from innerloop.tasks import Padded, Task

SEED = 20170403  # of the disturbances


def audit(
    learner: AuditedLearner,
    batches: Iterable[Task],
    reported: Tensor | None = None,
    shared_images: int | None = None,
    cores: int = 1,
) -> stamps.StampedFindings:
    """Stamps and the numbers behind them, see `innerloop.evaluation.stamps`.

    Arguments:
        batches: test tasks, as the learner was tested on.
        reported: `(T,)` headline scores of these tasks in the test. NaN if `learner` is not a copy
            from before the test, so that the scores cannot be checked.
        shared_images: how many images of the test are in the training too; None if not known.
        cores: batches that are asked at once, each on a core and of a copy of the learner, which
            must be steady: copyable, and without random numbers of its own.
    """
    measured = _measured(learner, batches, cores)
    if reported is not None:
        measured["reported"] = reported
    higher_is_better = learner.objective.metric.higher_is_better
    return stamps.stamped(findings.summarise(measured, higher_is_better, shared_images))


def _measured(learner: AuditedLearner, batches: Iterable[Task], cores: int) -> dict[str, Tensor]:
    """The values of every question over all batches, in evaluation mode and exactly multiplied."""
    algorithm, training = learner.algorithm, learner.algorithm.training
    algorithm.train(False)
    try:
        with torch.no_grad(), matmul.exact():
            jobs = _jobs(learner, batches, copied=cores > 1)
            parts = threads.deal_lazily(jobs, cores) if cores > 1 else [ask() for ask in jobs]
    finally:
        algorithm.train(training)
    return {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}


def _jobs(
    learner: AuditedLearner, batches: Iterable[Task], copied: bool
) -> Iterator[Callable[[], dict[str, Tensor]]]:
    """What asks every question about each batch.

    Arguments:
        copied: whether each asks a copy of its own.
    """
    earlier = None
    for number, tasks in enumerate(_equal_in_size(batches)):
        asked = learner.fresh() if copied else learner
        random = torch.Generator().manual_seed(SEED + number)
        yield partial(questions.measure, asked, tasks, earlier or tasks, random)
        earlier = tasks


def _equal_in_size(batches: Iterable[Task]) -> Iterator[Task]:
    """The batches; tasks of unequal size one by one, without their padding."""
    for tasks in batches:
        if not isinstance(tasks.support.inputs, Padded):
            yield tasks
            continue
        for i in range(task_tools.count(tasks)):
            single = task_tools.only(task_tools.part(tasks, i, i + 1))
            yield task_tools.alone(task_tools.trimmed(single))
