"""Asks a tested learner for its answers to the first test tasks."""

from collections.abc import Iterator

import numpy as np
import torch

from innerloop import tasks as task_tools
from innerloop.evaluation.answered import Answered, joined
from innerloop.experiment import auditing
from innerloop.experiment.tested import Tested
from innerloop.machine import work
from innerloop.tasks import Task

TASKS = 40  #: whose queries are answered again; the test keeps only scores


def answered(tested: Tested) -> Answered | None:
    """The answers to the queries of the first `TASKS` test tasks; None without classes."""
    count = min(TASKS, tested.on.data.test_tasks)
    if tested.on.objective.answers != "classes":
        return None
    classes, names = tested.classes, tested.on.data.source.class_names("test")
    parts = []
    with torch.no_grad(), auditing.on_device(tested):
        tested.learner.algorithm.eval()
        for number, task in enumerate(work.each("Answers", _singles(tested, count), count)):
            own = None if classes is None else classes[number]
            parts.append(_of_task(tested, task, own, None if names is None else list(names)))
    return joined(parts)


def _singles(tested: Tested, count: int) -> Iterator[Task]:
    """The first test tasks one by one, without padding."""
    for batch in auditing.batches(tested.on, count, tested.device):
        for i in range(task_tools.count(batch)):
            yield task_tools.trimmed(task_tools.only(task_tools.part(batch, i, i + 1)))


def _of_task(
    tested: Tested, task: Task, classes: np.ndarray | None, names: list[str] | None
) -> Answered:
    """The answers to the queries of one task.

    Arguments:
        classes: `(ways,)` numbers of the classes of its labels; None if they have none.
        names: of the classes by number.
    """
    step = tested.scored_step
    path = tested.learner.algorithm.trajectory(task, step, tested.progress, at=(step,))
    *_, (_, outputs) = path
    confidence, answers = outputs.float().softmax(-1).max(-1)
    labels, targets = answers.cpu().numpy(), task_tools.plain(task).query.targets.cpu().numpy()
    offered = np.full((len(targets), 1), -1)
    if classes is not None:
        offered = np.tile(classes, (len(targets), 1))
    return Answered(
        confidence=confidence.cpu().numpy(),
        predicted=offered[:, 0] if classes is None else classes[labels],
        truth=offered[:, 0] if classes is None else classes[targets],
        right=np.asarray(labels == targets),
        offered=offered,
        names=names,
    )
