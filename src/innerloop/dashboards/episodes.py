"""A table of test tasks, example by example: inputs, labels and the learner's predictions."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Examples, Task

MOST = 100  #: most examples of a support or query set that are shown
Cell = int | float | str | np.ndarray | None  #: an array is an image (height, width, channels)
CLASSES = ("task", "set", "input", "label", "prediction", "confidence")
TARGETS = ("task", "set", "x", "y", "before", "prediction")


class Episodes:
    """The rows of a table of test tasks, with its `columns`.

    Arguments:
        algorithm: the learner.
        raw: a batch of tasks with inputs as in the data set, to be shown.
        tasks: the same tasks with inputs as the learner gets them.
        steps: inner steps before the queries are predicted.
        progress: how far the training was, in 0..1.
    """

    def __init__(
        self, algorithm: Algorithm, raw: Task, tasks: Task, steps: int, progress: Tensor
    ) -> None:
        self.algorithm, self.raw, self.tasks = algorithm, raw, tasks
        self.steps, self.progress = steps, progress
        self.classified = algorithm.objective.answers == "classes"
        self.columns = CLASSES if self.classified else TARGETS

    @torch.no_grad()
    def rows(self) -> Iterator[list[Cell]]:
        """One row for each example; the rows of queries end with the predictions.

        For classes these are the predicted label and its confidence, for other targets the values
        predicted before and after adaptation.
        """
        self.algorithm.eval()
        for index in range(task_tools.count(self.tasks)):
            shown = task_tools.plain(_single(self.raw, index))
            empty: list[list[Cell]] = [[None, None]] * MOST
            predictions = self._predictions(_single(self.tasks, index))
            for row in _rows(shown.support, empty):
                yield [index, "support", *row]
            for row in _rows(shown.query, predictions):
                yield [index, "query", *row]

    def _predictions(self, task: Task) -> list[list[Cell]]:
        """The last two cells of each query of a task."""
        ends = (0, self.steps)
        path = [*self.algorithm.trajectory(task, self.steps, self.progress, at=ends)]
        first, last = path[0][1], path[-1][1]
        if not self.classified:
            return [[_cell(a), _cell(b)] for a, b in zip(first, last, strict=True)]
        confidence, label = last.softmax(-1).max(-1)
        return [[int(i), float(p)] for p, i in zip(confidence, label, strict=True)]


def _single(tasks: Task, index: int) -> Task:
    """One task of a batch, without padding."""
    return task_tools.trimmed(task_tools.only(task_tools.part(tasks, index, index + 1)))


def _rows(examples: Examples, predictions: list[list[Cell]]) -> Iterator[list[Cell]]:
    """Input, target and predictions of each example."""
    inputs, targets = tree_leaves(examples.inputs)[0], examples.targets
    for x, y, prediction in zip(inputs[:MOST], targets, predictions, strict=False):
        yield [_cell(x), _cell(y), *prediction]


def _cell(value: Tensor) -> Cell:
    """A number, an image `(height, width, channels)` of bytes, or the text of a list of numbers.

    Arguments:
        value: a single number, an image `(1 or 3, height, width)`, or a tensor of any other shape.
    """
    value = value.detach().cpu()
    if value.numel() == 1:
        return value.item()
    if value.dim() == 3 and value.shape[0] in (1, 3):
        image: np.ndarray = _bytes(value).permute(1, 2, 0).numpy()
        return image
    return str([round(v, 4) for v in value.flatten().tolist()])


def _bytes(image: Tensor) -> Tensor:
    if image.dtype == torch.uint8:
        return image
    low, high = image.min(), image.max()
    return (255 * (image - low) / (high - low).clamp(min=1e-9)).byte()
