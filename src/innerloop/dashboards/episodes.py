"""Test tasks, example by example: what was shown, what was asked, what the learner answered."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Task

MOST = 100  #: examples of a support or query set that are shown
CLASSES = ("task", "set", "input", "label", "prediction", "confidence")
TARGETS = ("task", "set", "x", "y", "before", "prediction")


class Episodes:
    """The rows of a table of test tasks, with its `columns`.

    Arguments:
        raw: a batch of tasks as the data set gives them, to be shown.
        tasks: the same as the learner sees them.
        steps: inner steps before the queries are answered.
        progress: how far training was.
    """

    def __init__(
        self, algorithm: Algorithm, raw: Task, tasks: Task, steps: int, progress: Tensor
    ) -> None:
        self.algorithm, self.raw, self.tasks = algorithm, raw, tasks
        self.steps, self.progress = steps, progress
        self.classified = algorithm.objective.answers == "classes"
        self.columns = CLASSES if self.classified else TARGETS

    @torch.no_grad()
    def rows(self) -> Iterator[list[Any]]:
        """One row for each example; queries have the answers of the adapted learner.

        For classes its label and confidence, for targets its value before and after adapting.
        """
        self.algorithm.eval()
        for index in range(task_tools.count(self.tasks)):
            task, shown = (self._single(tasks, index) for tasks in (self.tasks, self.raw))
            ends = (0, self.steps)
            path = [*self.algorithm.trajectory(task, self.steps, self.progress, at=ends)]
            first, last = path[0][1], path[-1][1]
            shown = task_tools.plain(shown)
            nothing = [[None, None]] * MOST
            for name, examples, answers in (
                ("support", shown.support, nothing),
                ("query", shown.query, self._answers(first, last)),
            ):
                inputs, targets = tree_leaves(examples.inputs)[0], examples.targets
                for x, y, answer in zip(inputs[:MOST], targets, answers, strict=False):
                    yield [index, name, _shown(x), _shown(y), *answer]

    def _single(self, tasks: Task, index: int) -> Task:
        return task_tools.trimmed(task_tools.only(task_tools.part(tasks, index, index + 1)))

    def _answers(self, first: Tensor, last: Tensor) -> list[list[Any]]:
        if not self.classified:
            return [[_shown(a), _shown(b)] for a, b in zip(first, last, strict=True)]
        best = last.softmax(-1).max(-1)
        return [[int(i), float(p)] for p, i in zip(*best, strict=True)]


def _shown(value: Tensor) -> Any:
    """A number, an image (height, width, channels) of bytes, or a list of numbers in words."""
    value = value.detach().cpu()
    if value.numel() == 1:
        return value.item()
    if value.dim() == 3 and value.shape[0] in (1, 3):
        return _bytes(value).permute(1, 2, 0).numpy()
    return str([round(v, 4) for v in value.flatten().tolist()])


def _bytes(image: Tensor) -> Tensor:
    if image.dtype == torch.uint8:
        return image
    low, high = image.min(), image.max()
    return (255 * (image - low) / (high - low).clamp(min=1e-9)).byte()
