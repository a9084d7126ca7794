"""The base class of data sets: a source makes the task of any index."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from innerloop.data.own_table import OwnTask, Table
from innerloop.data.packs.pictures import Reading
from innerloop.data.sketch import Sketch
from innerloop.errors import UserError
from innerloop.tasks import Episode, Inputs, Task

SPLITS = ("train", "val", "test")


class TaskSource(ABC):
    """A distribution of tasks per split; a task is a function of `(seed, split, index, episode)`.

    A new data set is one subclass and one yaml under `conf/dataset/`.
    """

    reading: Reading | None = None  #: how image files become raw inputs; None if inputs are not
    unequal: bool = False  #: whether it makes tasks of unequal size, see `Episode.varies`
    drawn_ahead: int = 1  #: batches drawn at once, where a small task costs little memory
    has_trials: bool = False  #: whether `trial` tells what happens when answers are acted on
    underlying: "TaskSource | None" = None  #: the data set whose tasks these are in another form

    def prepare(self) -> None:  # noqa: B027  (an endless source has nothing to prepare)
        """Downloads and packs the files; one process of a run calls it, before any task is drawn.

        Raises:
            UserError: if the data are not available, with the files and the folder for them.
        """

    def check(self, split: str, episode: Episode) -> None:  # noqa: B027
        """Raises `UserError` if `split` has too few classes or examples for `episode`."""

    @abstractmethod
    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """The batch of tasks with these indices, `(T, n, ...)`; images may still be uint8.

        Rows are shuffled within the support and within the query, and the two share no example.
        Tasks of unequal size have `Padded` inputs, whose real rows come first.

        Arguments:
            split: `train`, `val` or `test`.
            indices: `(T,)` integers from 0.
            episode: sizes of a task.
            seed: another seed gives other tasks.
        """

    def classes(
        self, split: str, indices: np.ndarray, episode: Episode, seed: int
    ) -> np.ndarray | None:
        """The class of each label of a task, `(T, most_ways)`, with arguments as of `tasks`.

        It is -1 for labels that a task does not have. None if the data set has no classes.
        """
        return None

    def class_names(self, split: str) -> Sequence[str] | None:
        """Names of the classes that `classes` numbers; None if they have no names."""
        return None

    def longest_list(self, split: str, episode: Episode, seed: int) -> int:
        """Number of tasks that share no image, see `innerloop.data.without_replacement`.

        Raises:
            UserError: if it cannot draw tasks without replacement.
        """
        raise UserError(
            f"episode.test.replacement=false: {type(self).__name__} cannot draw tasks that share "
            "no image. Choose a data set of stored images, such as omniglot."
        )

    def groups(self, split: str) -> np.ndarray | None:
        """The number of each class's group, such as its alphabet: `(classes,)`; None without."""
        return None

    def tree(self, split: str) -> np.ndarray | None:
        """Which classes each node of a tree of them spans, `(nodes, classes)`; None without."""
        return None

    def shared_images(self, split: str, other: str) -> int | None:
        """Number of images that two splits have in common; None if it is not known."""
        return None

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        """What one would try before meta-learning, by name; by default nothing.

        Each is a function of one task without padding, on the CPU, to outputs `(n, width)` for its
        queries. It does not look at the targets of queries.
        """
        return {}

    def trial(self, split: str, index: int, seed: int, answer: Callable[[Inputs], Tensor]) -> float:
        """The score of acting on answers, such as the tracking error of a controlled plant.

        Arguments:
            split, index, seed: of the task, as in `tasks`.
            answer: from inputs `(n, ...)` to outputs `(n, width)`, adapted to the task.
        """
        raise NotImplementedError

    def own_task(self, table: Table) -> OwnTask:
        """A task of a user's own table: rows with an answer to adapt to, and rows without.

        Raises:
            UserError: if the data set has no such tables, or the table lacks a column.
        """
        raise UserError(
            f"table=: {type(self).__name__} does not read tables. A learner of texts, ratings or "
            "measurements does; for images give support= and query=."
        )

    def sketch(self, task: Task, outputs: Tensor) -> Sketch | None:
        """What a picture of a task shows; None for images and functions of one variable.

        Arguments:
            task: one task without padding, on the CPU.
            outputs: a learner's answers `(n, width)` to its queries.
        """
        return None

    def use_device(self, device: torch.device) -> None:  # noqa: B027
        """Tells the source where the learner runs, before `compact_tasks` is called."""

    def compact_tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """The tasks in the form in which loaders send them to the device.

        Their inputs are those of `tasks`, or smaller ones for which `transform` gives the same.
        """
        return self.tasks(split, indices, episode, seed)

    def transform(self, inputs: Inputs) -> Inputs:
        """Prepares raw inputs of any leading shape on the device: uint8 to normalised float32."""
        return inputs

    def classes_in(self, split: str) -> int:
        """Number of classes that label plain batches: the width of their classifier.

        Raises:
            UserError: if the split has no finite list of classes.
        """
        raise UserError(
            f"training=batches learns to tell all training classes apart, and {type(self).__name__}"
            " has no list of them: choose a data set of images, such as dataset=omniglot, or "
            "dataset=glyphs 'dataset.classes={train: 64}'."
        )

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """Plain batches as tasks with an empty support; labels number all classes of the split.

        The batches walk through the whole split, in a new order in every epoch; a batch is a
        function of `(seed, split, index, size)`.

        Arguments:
            split: `train`, `val` or `test`.
            indices: numbers of the batches, `(T,)`.
            size: examples of a batch.
            seed: of the order.

        Returns:
            support `(T, 0, ...)`, and query `(T, size, ...)` with labels below `classes_in(split)`.

        Raises:
            UserError: as `classes_in` does.
        """
        raise UserError(f"{type(self).__name__} gives no batches of {self.classes_in(split)}.")

    def compact_batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """`batches` in the form in which loaders send them to the device; see `compact_tasks`."""
        return self.batches(split, indices, size, seed)

    def labels(self, split: str) -> np.ndarray:
        """The class of every stored example, one class after another: `(n,)`; see `class_names`.

        Raises:
            UserError: if examples are made when they are drawn.
        """
        raise UserError(
            f"{type(self).__name__} has no stored list of examples: choose a data set of images, "
            "such as dataset=omniglot."
        )

    def rows(self, split: str, rows: np.ndarray) -> Inputs:
        """The raw inputs of stored examples, `(rows, ...)`.

        Arguments:
            rows: places in `labels`.

        Raises:
            UserError: as `labels` does.
        """
        raise UserError(f"{type(self).__name__} has no rows for {self.labels(split)}.")

    @abstractmethod
    def fingerprint(self, split: str) -> str:
        """Names the distribution from which tasks are drawn; part of the protocol hash."""
