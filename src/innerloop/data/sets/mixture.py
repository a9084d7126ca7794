"""Tasks of several data sets of images, each from one of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from innerloop.data import sampling
from innerloop.data.padding import map_inputs
from innerloop.data.resized import Resized
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import PADDING, Episode, Examples, Padded, Task

MOST_CLASSES = 2**41  #: of a data set without a list of classes


class Mixture(TaskSource):
    """A task comes from one data set, and all are equally likely, as in Meta-Dataset.

    Each data set keeps its own normalisation; then all images get one shape.

    Arguments:
        parts: the data sets by name.
        size: height and width of the images, in pixels.
        channels: 3 for colour, 1 for grey.

    Raises `UserError` without data sets.
    """

    def __init__(self, parts: Mapping[str, TaskSource], size: int = 84, channels: int = 3) -> None:
        if not parts:
            raise UserError("dataset.parts=[]: name data sets, such as [omniglot,miniimagenet].")
        shape = (channels, size, size)
        self.parts = {name: Resized(source, shape) for name, source in parts.items()}
        self.unequal = all(source.unequal for source in parts.values())

    def prepare(self) -> None:
        for source in self.parts.values():
            source.prepare()

    def check(self, split: str, episode: Episode) -> None:
        for source in self.parts.values():
            source.check(split, episode)

    def part_of(self, split: str, indices: np.ndarray, seed: int) -> np.ndarray:
        """The number of the data set of each task, `(T,)`."""
        key = sampling.keys(seed, f"mixture/{split}", indices)
        return sampling.integers(key, len(self.parts), 1)[:, 0]

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        part, drawn, places = self.part_of(split, indices, seed), [], []
        for number, source in enumerate(self.parts.values()):
            own = np.flatnonzero(part == number)
            if len(own):
                tasks = source.tasks(split, indices[own], episode, seed)
                drawn.append(map_inputs(source.transform, tasks))
                places.append(own)
        order = torch.from_numpy(np.argsort(np.concatenate(places)))
        return tree_map(lambda *leaves: torch.cat(leaves)[order], *_of_one_length(drawn))

    def classes(
        self, split: str, indices: np.ndarray, episode: Episode, seed: int
    ) -> np.ndarray | None:
        part = self.part_of(split, indices, seed)
        classes = np.full((len(indices), episode.most_ways), -1)
        for number, (source, start) in enumerate(
            zip(self.parts.values(), self._starts(split), strict=True)
        ):
            drawn = source.classes(split, indices[part == number], episode, seed)
            if drawn is None:
                return None
            classes[part == number] = np.where(drawn >= 0, drawn + start, -1)
        return classes

    def class_names(self, split: str) -> Sequence[str] | None:
        """`omniglot/Greek/character01`; None if a data set has no names."""
        names = {name: source.class_names(split) for name, source in self.parts.items()}
        if any(own is None for own in names.values()):
            return None
        return [f"{name}/{one}" for name, own in names.items() for one in own or ()]

    def groups(self, split: str) -> np.ndarray | None:
        """The data set of each class; None if a data set has no list of classes."""
        names = [source.class_names(split) for source in self.parts.values()]
        if any(own is None for own in names):
            return None
        return np.repeat(np.arange(len(names)), [len(own or ()) for own in names])

    def shared_images(self, split: str, other: str) -> int | None:
        """Within each data set."""
        shared = [source.shared_images(split, other) for source in self.parts.values()]
        return None if None in shared else sum(number or 0 for number in shared)

    def fingerprint(self, split: str) -> str:
        return "mixture of " + " + ".join(s.fingerprint(split) for s in self.parts.values())

    def _starts(self, split: str) -> list[int]:
        """The number of the first class of each data set."""
        names = [source.class_names(split) for source in self.parts.values()]
        lengths = [MOST_CLASSES if own is None else len(own) for own in names]
        return [sum(lengths[:i]) for i in range(len(lengths))]


def _of_one_length(batches: list[Task]) -> list[Task]:
    """Batches of tasks with as many rows as the longest has; only padded batches differ."""
    support, query = (max(batch[i].targets.shape[1] for batch in batches) for i in (0, 1))
    return [Task(_padded(b.support, support), _padded(b.query, query)) for b in batches]


def _padded(examples: Examples, length: int) -> Examples:
    """Examples with padding up to a length."""
    more = length - examples.targets.shape[1]
    if not more:
        return examples

    def extended(tensor: Tensor, value: float = 0) -> Tensor:
        return F.pad(tensor, [0, 0] * (tensor.ndim - 2) + [0, more], value=value)

    values, real = examples.inputs
    return Examples(Padded(extended(values), extended(real)), extended(examples.targets, PADDING))
