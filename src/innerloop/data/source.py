"""What a data set is to the rest: something that makes the task of any index."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from innerloop.data.packs.pictures import Reading
from innerloop.errors import UserError
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

    def classes_in(self, split: str) -> int:
        """Number of classes that plain batches are labelled with: the width of their classifier.

        Raises:
            UserError: if the split has no finite list of classes.
        """
        raise UserError(
            f"training=batches learns to tell all training classes apart, and {type(self).__name__}"
            " has no list of them: choose dataset=omniglot, miniimagenet or folder, or "
            "dataset=glyphs 'dataset.classes={train: 64}'."
        )

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """Plain batches as tasks with an empty support, whose labels count all of the split.

        Batch after batch walks through the whole split, in a new order at every epoch; a batch is a
        function of `(seed, split, index, size)`.

        Arguments:
            indices: numbers of the batches, `(T,)`.
            size: examples of a batch.

        Returns:
            support `(T, 0, ...)`, and query `(T, size, ...)` with labels below `classes_in(split)`.

        Raises:
            UserError: as `classes_in` does.
        """
        raise UserError(f"{type(self).__name__} gives no batches of {self.classes_in(split)}.")

    def drawn_batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """`batches`, or what `transform` turns into the same on the device; see `drawn`."""
        return self.batches(split, indices, size, seed)

    @abstractmethod
    def fingerprint(self, split: str) -> str:
        """Names the distribution that `split` draws from; part of the protocol hash."""
