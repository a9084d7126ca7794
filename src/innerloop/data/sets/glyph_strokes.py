"""Draws handwritten-like characters from strokes, which are cubic Bezier curves."""

import numpy as np

from innerloop.data import sampling

VERSION = 1  #: of the drawing: increase it whenever the same class would look different

_STROKES, _ANCHORS, _POINTS = 4, 5, 24
_T = np.linspace(0, 1, _POINTS + 1, dtype=np.float32)
_U = 1 - _T
_BEZIER = (_U * _U * _U, 3 * _T * _U * _U, 3 * _T * _T * _U, _T * _T * _T)


def class_strokes(split: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The strokes of each class, by their control points.

    Arguments:
        split: another split has other classes.
        ids: numbers of the classes, of any shape.

    Returns:
        control points `(*ids.shape, 4, 2, 4)` of four strokes: x and y of four points each; and
        which of the four strokes a class has, `(*ids.shape, 4)` bool.
    """
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
    present = np.arange(_STROKES) < strokes
    return _framed(points, present), present


def _framed(points: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Centres the strokes that are present, and scales the longer side of all to one."""
    curve, seen = _curve(points), present[..., None, None]
    low = np.where(seen, curve, np.inf).min((-3, -1))[..., None, :, None]
    high = np.where(seen, curve, -np.inf).max((-3, -1))[..., None, :, None]
    return (points - (low + high) / 2) / (high - low).max(-2, keepdims=True)


def _curve(points: np.ndarray) -> np.ndarray:
    """Points along Bezier curves, `(..., points)`, from control points `(..., 4)`."""
    return sum(b * points[..., i, None] for i, b in enumerate(_BEZIER))


def draw(strokes: np.ndarray, present: np.ndarray, hands: np.ndarray, size: int) -> np.ndarray:
    """Draws each character by another hand: uint8 images `(..., 1, size, size)`.

    Arguments:
        strokes: control points `(..., 4, 2, 4)`.
        present: which strokes a character has, `(..., 4)` bool.
        hands: `(...)`, the key of each image's handwriting.
        size: height and width in pixels.
    """
    strokes, present = strokes.reshape(-1, *strokes.shape[-3:]), present.reshape(-1, _STROKES)
    images = np.empty((len(present), size, size), np.uint8)
    keys = hands.reshape(-1)
    for i in range(0, len(images), 16):  # 16 images fit into the cache
        now = slice(i, i + 16)
        points, pen = _handwriting(strokes[now], keys[now])
        images[now] = _ink(points * size, present[now], pen, size)
    return images.reshape(*hands.shape, 1, size, size)


def _handwriting(strokes: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Control points in units of the image, and radii of the pens in pixels of a 28 x 28 image."""
    noise = sampling.uniform(key, 7 + strokes[0].size) - 0.5
    wobble = 0.2 * noise[:, 7:].reshape(strokes.shape)
    linear = np.eye(2) + 0.6 * noise[:, :4].reshape(-1, 2, 2)  # rotates, shears and scales
    shift = 0.5 + 0.14 * noise[:, 4:6]
    x, y = np.moveaxis(strokes + wobble, -2, 0)
    a, b, c, d = (linear[:, i, j, None, None] for i in (0, 1) for j in (0, 1))
    points = 0.58 * np.stack([a * x + b * y, c * x + d * y]) + shift.T[..., None, None]
    return points.astype(np.float32), (1.65 + 0.5 * noise[:, 6]).astype(np.float32)


def _ink(points: np.ndarray, present: np.ndarray, pen: np.ndarray, size: int) -> np.ndarray:
    """Images `(n, size, size)` of strokes with control points `(2, n, strokes, 4)` in pixels."""
    curve = _curve(points)
    step, middle = curve[..., 1:] - curve[..., :-1], (curve[..., 1:] + curve[..., :-1]) / 2
    length = np.sqrt(step[0] ** 2 + step[1] ** 2) * present[..., None]
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
