"""Images of another data set in the shape that a learner expects."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.data.source import TaskSource
from innerloop.tasks import Episode, Inputs, Task

LUMINANCE = (0.299, 0.587, 0.114)  #: of red, green and blue (ITU-R BT.601)


def resize(images: Tensor, shape: Sequence[int]) -> Tensor:
    """Images of another size and number of channels, `(..., channels, height, width)` float32.

    Grey becomes three equal channels, and colour becomes its luminance; sizes change by bilinear
    interpolation, which averages where images shrink.

    Arguments:
        images: `(..., channels, height, width)`, with 1 or 3 channels.
        shape: channels, height and width.
    """
    channels, *size = shape
    flat = images.reshape(-1, *images.shape[-3:])
    if flat.shape[1] == 3 and channels == 1:
        flat = (flat * torch.tensor(LUMINANCE, device=flat.device).view(3, 1, 1)).sum(1, True)
    if list(flat.shape[2:]) != size:
        flat = F.interpolate(flat, size, mode="bilinear", antialias=True)
    return flat.expand(-1, channels, -1, -1).reshape(*images.shape[:-3], *shape)


class Resized(TaskSource):
    """The tasks of a data set of images, resized after they are normalised.

    Arguments:
        source: the data set.
        shape: channels, height and width of the new images.
    """

    def __init__(self, source: TaskSource, shape: Sequence[int]) -> None:
        self.source, self.shape = source, list(shape)
        self.reading, self.unequal = source.reading, source.unequal

    def prepare(self) -> None:
        self.source.prepare()

    def check(self, split: str, episode: Episode) -> None:
        self.source.check(split, episode)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        return self.source.tasks(split, indices, episode, seed)

    def classes(
        self, split: str, indices: np.ndarray, episode: Episode, seed: int
    ) -> np.ndarray | None:
        return self.source.classes(split, indices, episode, seed)

    def class_names(self, split: str) -> Sequence[str] | None:
        return self.source.class_names(split)

    def longest_list(self, split: str, episode: Episode, seed: int) -> int:
        return self.source.longest_list(split, episode, seed)

    def groups(self, split: str) -> np.ndarray | None:
        return self.source.groups(split)

    def tree(self, split: str) -> np.ndarray | None:
        return self.source.tree(split)

    def shared_images(self, split: str, other: str) -> int | None:
        return self.source.shared_images(split, other)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return self.source.baselines()

    def use_device(self, device: torch.device) -> None:
        self.source.use_device(device)

    def compact_tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        return self.source.compact_tasks(split, indices, episode, seed)

    def labels(self, split: str) -> np.ndarray:
        return self.source.labels(split)

    def rows(self, split: str, rows: np.ndarray) -> Inputs:
        return self.source.rows(split, rows)

    def transform(self, inputs: Inputs) -> Tensor:
        return resize(self.source.transform(inputs), self.shape)

    def fingerprint(self, split: str) -> str:
        return f"{self.source.fingerprint(split)} resized={self.shape}"
