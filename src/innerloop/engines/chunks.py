"""Batches of tasks in chunks, and the mean over all tasks from the means of the chunks."""

from collections.abc import Iterable, Sequence

import torch

from innerloop import tasks as task_tools
from innerloop.engines.gradients import Gradient
from innerloop.tasks import Task

Chunk = tuple[float, Task]  #: the share of the batch's tasks that it has, and the tasks


def split(tasks: Task, size: int) -> list[Chunk]:
    """The batch in chunks of `size` tasks; the last may have fewer."""
    total = task_tools.count(tasks)
    return [
        ((min(s + size, total) - s) / total, task_tools.part(tasks, s, s + size))
        for s in range(0, total, size)
    ]


def mean(chunks: Sequence[Chunk], gradients: Iterable[Gradient]) -> Gradient:
    """The mean loss of a batch and its gradient, added up chunk by chunk.

    Arguments:
        gradients: the mean loss of each chunk and its gradient.
    """
    total, sums = torch.zeros(()), None
    for (share, _), (loss, gradient) in zip(chunks, gradients, strict=True):
        total = total.to(loss.device) + share * loss
        scaled = {k: share * g for k, g in gradient.items()}
        sums = scaled if sums is None else {k: sums[k] + g for k, g in scaled.items()}
    return total, sums or {}
