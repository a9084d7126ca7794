"""What a data set is to the rest: something that makes the task of any index."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from innerloop.data.packs.pictures import Reading
from innerloop.tasks import Episode, Task

SPLITS = ("train", "val", "test")


class TaskSource(ABC):
    """A distribution of tasks per split; a task is a function of `(seed, split, index, episode)`.

    A new data set is one subclass and one yaml under `conf/dataset/`.
    """

    reading: Reading | None = None  #: how image files become raw inputs; None if inputs are none
    unequal: bool = False  #: whether it makes tasks of unequal size, see `Episode.varies`

    def prepare(self) -> None:  # noqa: B027  (an endless source has nothing to prepare)
        """Brings the files into place, once; called by one process of a run before any reading.

        Raises `UserError` where the data cannot be had, saying which files to put where.
        """

    def check(self, split: str, episode: Episode) -> None:  # noqa: B027
        """Raises `UserError` when `split` has too few classes or examples for `episode`."""

    @abstractmethod
    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """The batch of tasks with these indices, `(T, n, ...)`; inputs may still be uint8.

        Rows are shuffled within the support and within the query, and the two share no example.
        Tasks of unequal size have `Padded` inputs, whose real rows come first.
        """

    def classes(
        self, split: str, indices: np.ndarray, episode: Episode, seed: int
    ) -> np.ndarray | None:
        """Which class each label of a task stands for, `(T, most_ways)`; -1 where a task has no
        such label; None where there are no classes."""
        return None

    def class_names(self, split: str) -> Sequence[str] | None:
        """Names of the classes, by the numbers of `classes`; None where they have none."""
        return None

    def shared_images(self, split: str, other: str) -> int | None:
        """How many images two splits have in common; None where that is not known."""
        return None

    def settle(self, device: Any) -> None:  # noqa: B027
        """Told where the learner runs, before `drawn` is asked for."""

    def drawn(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """`tasks`, or what `transform` makes the same of on the device: what loaders send there."""
        return self.tasks(split, indices, episode, seed)

    def transform(self, inputs: Any) -> Any:
        """What the device does to raw inputs of any leading shape: uint8 to normalised float32."""
        return inputs

    @abstractmethod
    def fingerprint(self, split: str) -> str:
        """Names the distribution that `split` draws from; part of the protocol hash."""
