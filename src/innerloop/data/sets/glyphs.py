"""Characters of invented alphabets, drawn when they are needed: nothing to download."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data import checks, layout, sampling
from innerloop.data.epochs import epoch_members
from innerloop.data.layout import Rows
from innerloop.data.packs.pictures import Reading
from innerloop.data.sets.glyph_strokes import VERSION, class_strokes, draw
from innerloop.data.source import SPLITS, TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Padded, Task, without_support

ENDLESS = 2**40


class Glyphs(TaskSource):
    """Handwritten-like characters: a class is two to four strokes, an example one drawing of them.

    Arguments:
        size: height and width of the images, in pixels.
        classes: number of classes of each split; a split that is not named has 2**40.

    Raises `UserError` for an unknown split, or a number below one.
    """

    unequal = True

    def __init__(self, size: int = 28, classes: Mapping[str, int] | None = None) -> None:
        self.size = size
        self.reading = Reading(size, 1, ink=True)
        self.classes_of = dict.fromkeys(SPLITS, ENDLESS) | dict(classes or {})
        if set(self.classes_of) != set(SPLITS) or min(size, *self.classes_of.values()) < 1:
            raise UserError(
                f"glyphs cannot be made with size={size}, classes={classes}: the splits are "
                f"{', '.join(SPLITS)}, and every number must be at least 1."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return 1, self.size, self.size

    def check(self, split: str, episode: Episode) -> None:
        checks.check_ways("glyphs", split, episode, self.classes_of[split])

    def classes(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> np.ndarray:
        """Numbers that name the classes of a split."""
        available = self.classes_of[split]
        if episode.varies:
            return layout.draw_classes(
                split=split, indices=indices, episode=episode, seed=seed, available=available
            )
        key = sampling.split(sampling.keys(seed, split, indices), 4)
        return sampling.choose(key[:, 0], available, episode.most_ways)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        if episode.varies:
            return self._unequal(split, indices, episode, seed)
        ways, shots, queries = episode.numbers
        key = sampling.split(sampling.keys(seed, split, indices), 4)
        ids = self.classes(split, indices, episode, seed)
        # A permuted position modulo ways: balanced labels in random order.
        orders = [sampling.permutations(key[:, i], n * ways) for i, n in ((1, shots), (2, queries))]
        labels = np.concatenate(orders, 1) % ways
        strokes, present = class_strokes(split, ids)
        task = np.arange(len(labels))[:, None]
        hands = sampling.split(key[:, 3], labels.shape[1])
        images = draw(strokes[task, labels], present[task, labels], hands, self.size)
        x, y, n = torch.from_numpy(images), torch.from_numpy(labels), shots * ways
        return Task(Examples(x[:, :n], y[:, :n]), Examples(x[:, n:], y[:, n:]))

    def _unequal(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        supply = self.classes_of[split]
        drawn = layout.draw(split=split, indices=indices, episode=episode, seed=seed, supply=supply)
        strokes, present = class_strokes(split, np.maximum(drawn.classes, 0))

        def examples(rows: Rows) -> Examples:
            images = np.zeros((*rows.real.shape, *self.shape), np.uint8)
            task, _ = places = np.nonzero(rows.real)
            classes = task, rows.labels[places]
            hands = sampling.child(drawn.keys[classes], rows.numbers[places])
            images[places] = draw(strokes[classes], present[classes], hands, self.size)
            inputs = Padded(torch.from_numpy(images), torch.from_numpy(rows.real))
            return Examples(inputs, rows.targets())

        return Task(examples(drawn.support), examples(drawn.query))

    def classes_in(self, split: str) -> int:
        if self.classes_of[split] == ENDLESS:
            raise UserError(
                f"training=batches learns to tell all classes apart, and the {split} split of "
                f"glyphs has 2**40 of them: add 'dataset.classes={{{split}: 64}}'."
            )
        return self.classes_of[split]

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """An epoch visits every class once; each visit draws a new image of it."""
        walk = indices[:, None] * size + np.arange(size)
        labels = epoch_members(seed, f"{split}/batches", walk, self.classes_in(split))
        strokes, present = class_strokes(split, labels)
        hands = sampling.keys(seed, f"{split}/hands", walk)
        images = draw(strokes, present, hands, self.size)
        return without_support(Examples(torch.from_numpy(images), torch.from_numpy(labels)))

    def transform(self, inputs: Tensor) -> Tensor:
        return inputs.float() / 255

    def fingerprint(self, split: str) -> str:
        return f"glyphs version={VERSION} size={self.size} classes={self.classes_of[split]}"
