"""Image completion: a task is one image, an example one of its pixels (Garnelo et al. 2018)."""

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.curves import check_no_classes, of_drawn_sizes
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task, bounds

ONE_IMAGE = Episode(1, 1, 1)


class ImageCompletion(TaskSource):
    """Predicts pixels of an image at places `(row, column)` from other pixels of it.

    Places are scaled to -1..1; pixels are as the images' own data set gives them to a learner.

    References:
        Garnelo et al., "Conditional neural processes", 2018, section 4.2.

    Arguments:
        images: the data set of the images, such as `Glyphs` or `Omniglot`.

    Example:
        >>> from innerloop.data.sets.glyphs import Glyphs
        >>> tasks = ImageCompletion(Glyphs()).tasks("test", np.arange(2), Episode(1, 40, 744), 0)
        >>> tasks.support.inputs.shape, tasks.query.targets.shape
        (torch.Size([2, 40, 2]), torch.Size([2, 744, 1]))
    """

    unequal = True

    def __init__(self, images: TaskSource) -> None:
        self.images = images

    def prepare(self) -> None:
        self.images.prepare()

    def check(self, split: str, episode: Episode) -> None:
        check_no_classes(episode)
        self.images.check(split, ONE_IMAGE)
        pixels = self._images(split, np.zeros(1, int), 0)[0, 0].numel()
        if (needed := _most_rows(episode)) > pixels:
            raise UserError(
                f"An image has {pixels} pixels, fewer than {needed}, the most shots and queries "
                "together: use smaller numbers in episode."
            )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        images = self._images(split, indices, seed)
        pixels, places = images.flatten(2).transpose(1, 2), _grid(*images.shape[2:])
        keys = sampling.split(sampling.keys(seed, f"pixels/{split}", indices), 3)
        chosen = sampling.choose(keys[:, 0], pixels.shape[1], _most_rows(episode))
        rows = torch.from_numpy(chosen)
        task, n = torch.arange(len(rows))[:, None], bounds(episode.shots).high
        x, y = places[rows], pixels[task, rows]
        whole = Task(Examples(x[:, :n], y[:, :n]), Examples(x[:, n:], y[:, n:]))
        return of_drawn_sizes(whole, keys[:, 1:], episode)

    def fingerprint(self, split: str) -> str:
        return f"image completion of {self.images.fingerprint(split)}"

    def _images(self, split: str, indices: np.ndarray, seed: int) -> Tensor:
        """The image of each task, `(T, channels, height, width)`."""
        raw = self.images.tasks(split, indices, ONE_IMAGE, seed).support.inputs[:, 0]
        images: Tensor = self.images.transform(raw)
        return images


def _grid(height: int, width: int) -> Tensor:
    """Rows and columns of all pixels, `(height * width, 2)`, scaled to -1..1."""
    axes = [torch.linspace(-1, 1, side) for side in (height, width)]
    return torch.cartesian_prod(*axes)


def _most_rows(episode: Episode) -> int:
    return bounds(episode.shots).high + bounds(episode.queries).high
