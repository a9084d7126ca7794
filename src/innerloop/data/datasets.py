"""PyTorch data sets of a source, and the indices of the tasks of each outer step."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Dataset

from innerloop.data.source import TaskSource
from innerloop.tasks import Episode, Task

if TYPE_CHECKING:
    from innerloop.data.module import TaskData


class Tasks(Dataset):
    """The tasks of one split, by index; the tasks of a batch are drawn together."""

    def __init__(self, source: TaskSource, split: str, episode: Episode, seed: int) -> None:
        self.source, self.split, self.episode, self.seed = source, split, episode, seed
        self.ahead = 1 if episode.varies else source.drawn_ahead

    def __getitem__(self, index: int) -> Task:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Task:
        return self.source.compact_tasks(self.split, np.asarray(indices), self.episode, self.seed)


class PlainBatches(Dataset):
    """The plain batches of one split, by index, each of `size` examples."""

    def __init__(self, source: TaskSource, split: str, size: int, seed: int) -> None:
        self.source, self.split, self.size, self.seed = source, split, size, seed

    def __getitem__(self, index: int) -> Task:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Task:
        return self.source.compact_batches(self.split, np.asarray(indices), self.size, self.seed)


class TrainingBatches:
    """Indices of the tasks of each outer step, from the step that the trainer has reached.

    It has no state of its own, so that a resumed run continues with the very next tasks; rank r of
    R takes its part of every batch.
    """

    def __init__(self, module: "TaskData") -> None:
        self.module = module

    def __iter__(self) -> Iterator[list[int]]:
        trainer = self.module.trainer
        for step in range(trainer.global_step if trainer else 0, self.module.steps):
            yield self.module.training_indices(step)

    def __len__(self) -> int:
        return self.module.steps
