"""Asks a tested learner for its answers to the first test tasks, at the end and step by step."""

from collections.abc import Iterator

import numpy as np
import torch

from innerloop import tasks as task_tools
from innerloop.evaluation.answered import ANSWERS, Answered, joined
from innerloop.experiment import auditing
from innerloop.experiment.tested import Tested
from innerloop.machine import work
from innerloop.machine.files import whole_file
from innerloop.tasks import Task

FOLLOWED = 20  #: tasks whose answers are kept after every inner step
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


def write_answers(tested: Tested) -> None:
    """Writes the answers to the queries of the first `FOLLOWED` test tasks after every inner step.

    The file has `truth`, the labels `(tasks, queries)`, and `predicted`, `(tasks, steps + 1,
    queries)`; -1 fills shorter tasks. There is none without classes or inner steps.
    """
    last = tested.scores.curve[tested.on.objective.metric.name].shape[1] - 1
    if tested.on.objective.answers != "classes" or last == 0:
        return
    count = min(FOLLOWED, tested.on.data.test_tasks)
    with torch.no_grad(), auditing.on_device(tested):
        tested.learner.algorithm.eval()
        paths = [_path(tested, task, last) for task in _singles(tested, count)]
    longest = max(len(truth) for truth, _ in paths)
    rows = [
        [np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, longest - a.shape[-1])], constant_values=-1)
         for a in path]
        for path in paths
    ]  # fmt: skip
    truth, predicted = (np.stack(part).astype(np.int16) for part in zip(*rows, strict=True))
    with whole_file(tested.on.folder / ANSWERS) as file:
        np.savez_compressed(file, truth=truth, predicted=predicted)


def _path(tested: Tested, task: Task, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels of a task's queries, `(queries,)`, and the answers, `(last + 1, queries)`."""
    path = tested.learner.algorithm.trajectory(task, last, tested.progress)
    answers = torch.stack([outputs.argmax(-1) for _, outputs in path])
    return task_tools.plain(task).query.targets.cpu().numpy(), answers.cpu().numpy()


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
