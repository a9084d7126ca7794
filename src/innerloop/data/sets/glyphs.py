"""Characters of alphabets that do not exist, drawn as they are asked for: nothing to download."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data import episodes, sampling
from innerloop.data.episodes import Rows
from innerloop.data.packs.pictures import Reading
from innerloop.data.source import SPLITS, TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Padded, Task

VERSION = 1  #: of the drawing: raise it whenever the same class id would look different
ENDLESS = 2**40

_STROKES, _ANCHORS, _POINTS = 4, 5, 24
_T = np.linspace(0, 1, _POINTS + 1, dtype=np.float32)
_U = 1 - _T
_BEZIER = (_U * _U * _U, 3 * _T * _U * _U, 3 * _T * _T * _U, _T * _T * _T)


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
        episodes.check_ways("glyphs", split, episode, self.classes_of[split])

    def classes(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> np.ndarray:
        """Numbers of the programmes."""
        available = self.classes_of[split]
        if episode.varies:
            return episodes.draw_classes(split, indices, episode, seed, available)
        key = sampling.split(sampling.keys(seed, split, indices), 4)
        return sampling.choose(key[:, 0], available, episode.most_ways)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        if episode.varies:
            return self._unequal(split, indices, episode, seed)
        ways, shots, queries = episode.numbers
        key = sampling.split(sampling.keys(seed, split, indices), 4)
        ids = self.classes(split, indices, episode, seed)
        # Position modulo ways: balanced labels in random order, before anything is drawn.
        orders = [sampling.permutations(key[:, i], n * ways) for i, n in ((1, shots), (2, queries))]
        labels = np.concatenate(orders, 1) % ways
        strokes, drawn = _programmes(split, ids)
        task = np.arange(len(labels))[:, None]
        hands = sampling.split(key[:, 3], labels.shape[1])
        images = _draw(strokes[task, labels], drawn[task, labels], hands, self.size)
        x, y, n = torch.from_numpy(images), torch.from_numpy(labels), shots * ways
        return Task(Examples(x[:, :n], y[:, :n]), Examples(x[:, n:], y[:, n:]))

    def _unequal(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = episodes.draw(split, indices, episode, seed, self.classes_of[split])
        strokes, pens = _programmes(split, np.maximum(drawn.classes, 0))

        def examples(rows: Rows) -> Examples:
            images = np.zeros((*rows.real.shape, *self.shape), np.uint8)
            task, _ = places = np.nonzero(rows.real)
            one = task, rows.labels[places]
            hands = sampling.child(drawn.keys[one], rows.numbers[places])
            images[places] = _draw(strokes[one], pens[one], hands, self.size)
            inputs = Padded(torch.from_numpy(images), torch.from_numpy(rows.real))
            return Examples(inputs, rows.targets())

        return Task(examples(drawn.support), examples(drawn.query))

    def transform(self, inputs: Tensor) -> Tensor:
        return inputs.float() / 255

    def fingerprint(self, split: str) -> str:
        return f"glyphs version={VERSION} size={self.size} classes={self.classes_of[split]}"


def _programmes(split: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Control points `(*ids.shape, strokes, 2, 4)` of each class, and which strokes it has."""
    key = sampling.split(sampling.keys(0, f"glyphs/{split}", ids), 4 + _STROKES)
    # Strokes join anchors in different cells of a 3 x 3 grid: some meet, and none is a dot.
    cells = sampling.choose(key[..., 0], 9, _ANCHORS)
    jitter = sampling.uniform(key[..., 1], 2 * _ANCHORS).reshape(*cells.shape, 2)
    anchors = np.stack([cells % 3, cells // 3], -1) + jitter
    ends = sampling.choose(key[..., 4:], _ANCHORS, 2).reshape(*ids.shape, 2 * _STROKES, 1)
    ends = np.take_along_axis(anchors, ends, -2).reshape(*ids.shape, _STROKES, 2, 2)
    start, stop = ends[..., :1, :], ends[..., 1:, :]
    bends = sampling.uniform(key[..., 2], 4 * _STROKES).reshape(*ids.shape, _STROKES, 2, 2) - 0.5
    inner = start + (stop - start) * np.array([[1 / 3], [2 / 3]]) + 12 * bends * np.abs(bends)
    points = np.concatenate([start, inner, stop], -2).swapaxes(-1, -2)
    strokes = sampling.integers(key[..., 3], 3, 1) + 2
    drawn = np.arange(_STROKES) < strokes
    return _framed(points, drawn), drawn


def _framed(points: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Centres the strokes that are drawn, and scales them to a side of one."""
    curve, seen = _curve(points), drawn[..., None, None]
    low = np.where(seen, curve, np.inf).min((-3, -1))[..., None, :, None]
    high = np.where(seen, curve, -np.inf).max((-3, -1))[..., None, :, None]
    return (points - (low + high) / 2) / (high - low).max(-2, keepdims=True)


def _curve(points: np.ndarray) -> np.ndarray:
    """Places along Bezier curves: control points `(..., 4)` to `(..., points)`."""
    return sum(b * points[..., i, None] for i, b in enumerate(_BEZIER))


def _draw(strokes: np.ndarray, drawn: np.ndarray, hands: np.ndarray, size: int) -> np.ndarray:
    """One uint8 image `(..., 1, size, size)` of each programme, by the hand that its key makes."""
    strokes, drawn = strokes.reshape(-1, *strokes.shape[-3:]), drawn.reshape(-1, _STROKES)
    images = np.empty((len(drawn), size, size), np.uint8)
    keys = hands.reshape(-1)
    for i in range(0, len(images), 16):  # what is drawn at a time stays in the cache
        now = slice(i, i + 16)
        points, pen = _handwriting(strokes[now], keys[now])
        images[now] = _ink(points * size, drawn[now], pen, size)
    return images.reshape(*hands.shape, 1, size, size)


def _handwriting(strokes: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Control points in units of the image, and radius of the pen in pixels of a 28 x 28 image."""
    noise = sampling.uniform(key, 7 + strokes[0].size) - 0.5
    wobble = 0.2 * noise[:, 7:].reshape(strokes.shape)
    linear = np.eye(2) + 0.6 * noise[:, :4].reshape(-1, 2, 2)  # rotates, shears and scales
    shift = 0.5 + 0.14 * noise[:, 4:6]
    x, y = np.moveaxis(strokes + wobble, -2, 0)
    a, b, c, d = (linear[:, i, j, None, None] for i in (0, 1) for j in (0, 1))
    points = 0.58 * np.stack([a * x + b * y, c * x + d * y]) + shift.T[..., None, None]
    return points.astype(np.float32), (1.65 + 0.5 * noise[:, 6]).astype(np.float32)


def _ink(points: np.ndarray, drawn: np.ndarray, pen: np.ndarray, size: int) -> np.ndarray:
    """Images `(n, size, size)` of strokes with control points `(2, n, strokes, 4)` in pixels."""
    curve = _curve(points)
    step, middle = curve[..., 1:] - curve[..., :-1], (curve[..., 1:] + curve[..., :-1]) / 2
    length = np.sqrt(step[0] ** 2 + step[1] ** 2) * drawn[..., None]
    radius = pen[:, None, None] * np.float32(size / 28)
    grid = np.arange(0.5, size, dtype=np.float32)[:, None]
    # A biweight blot is a product of x and y, so that an image is one product of two matrices,
    # of whole numbers: the sum is then exact, and every machine draws the same image.
    blot = grid / radius - middle.reshape(2, len(pen), 1, -1) / radius
    blot *= blot
    blot = np.maximum(1 - blot, 0, out=blot)
    blot *= blot
    blot[0] *= length.reshape(len(pen), 1, -1) / radius
    across, down = np.rint(128 * blot, out=blot)
    return np.minimum(down @ across.swapaxes(1, 2) / 43, 255).astype(np.uint8)
