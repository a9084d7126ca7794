"""What a data loader reads: episodes or plain batches of a source, by their numbers."""

import numpy as np
from torch.utils.data import Dataset

from innerloop.data.source import TaskSource
from innerloop.tasks import Episode, Task


class Tasks(Dataset):
    """The tasks of one split, by index; a batch of indices is drawn as a whole."""

    def __init__(self, source: TaskSource, split: str, episode: Episode, seed: int) -> None:
        self.source, self.split, self.episode, self.seed = source, split, episode, seed

    def __getitem__(self, index: int) -> Task:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Task:
        return self.source.drawn(self.split, np.asarray(indices), self.episode, self.seed)


class PlainBatches(Dataset):
    """The plain batches of one split, by index, each of `size` examples."""

    def __init__(self, source: TaskSource, split: str, size: int, seed: int) -> None:
        self.source, self.split, self.size, self.seed = source, split, size, seed

    def __getitem__(self, index: int) -> Task:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Task:
        return self.source.drawn_batches(self.split, np.asarray(indices), self.size, self.seed)
