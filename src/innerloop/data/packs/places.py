"""Which images of a split's pack the tasks of a batch take."""

import numpy as np
import torch

from innerloop.data import sampling
from innerloop.data.epochs import epoch_members
from innerloop.data.layout import Rows, TaskLayout
from innerloop.data.packs.resident import Places
from innerloop.data.packs.series import Series
from innerloop.tasks import Episode, Examples, Padded, Task, without_support


def equal(
    key: np.ndarray,
    classes: np.ndarray,
    episode: Episode,
    counts: np.ndarray,
    turns: int,
    images: np.ndarray | None = None,
) -> Task:
    """Tasks of one size, with `Places` as inputs.

    Arguments:
        key: `(T, 5)`, of which the first was used to draw the classes.
        classes: `(T, ways)`.
        episode: sizes of the tasks.
        counts: images of each class of the split, `(classes,)`.
        turns: how many quarter-turns a class may have.
        images: numbers of the images within their class, `(T, ways, shots + queries)`; None to
            draw them.
    """
    ways, shots, queries = episode.numbers
    if images is None:
        images = sampling.choose(sampling.split(key[:, 1], ways), counts[classes], shots + queries)
    rows = images + _starts(counts)[classes][..., None]
    turned = sampling.integers(key[:, 2], turns, ways)
    support, query = rows[..., :shots], rows[..., shots:]
    return Task(_shuffled(support, turned, key[:, 3]), _shuffled(query, turned, key[:, 4]))


def unequal(
    layout: TaskLayout, counts: np.ndarray, turns: int, series: Series | None = None
) -> Task:
    """Tasks of unequal size, with `Padded` `Places` as inputs.

    Arguments:
        layout: classes and rows of the tasks.
        counts: images of each class of the split, `(classes,)`.
        turns: how many quarter-turns a class may have.
        series: of the split's images, of which support and query take different ones.
    """
    image_key, turn_key = np.moveaxis(sampling.split(layout.keys, 2), -1, 0)
    if series is None:
        images = sampling.choose_each(image_key, counts[layout.classes], layout.amounts)
    else:
        queries = layout.amounts - layout.shots
        images = series.draw_each(layout.keys, layout.classes, layout.shots, queries)
    images += _starts(counts)[layout.classes][..., None]
    turned = sampling.integers(turn_key, turns, 1)[..., 0]
    return Task(_look_up(layout.support, images, turned), _look_up(layout.query, images, turned))


def plain(name: str, walk: np.ndarray, seed: int, counts: np.ndarray, turns: int) -> Task:
    """Plain batches with `Places` as inputs; class c turned t times has the label C t + c.

    Arguments:
        name: of the stream of random numbers.
        walk: places in an endless walk through all images in all turns, `(T, size)`.
        seed: of the stream.
        counts: images of each of the C classes of the split, `(C,)`.
        turns: how many quarter-turns a class may have.
    """
    images = int(counts.sum())
    members = epoch_members(seed, name, walk, images * turns)
    turned, rows = np.divmod(members, images)
    labels = np.searchsorted(np.cumsum(counts), rows, side="right") + turned * len(counts)
    places = Places(torch.from_numpy(rows), torch.from_numpy(turned))
    return without_support(Examples(places, torch.from_numpy(labels)))


def _starts(counts: np.ndarray) -> np.ndarray:
    """The first row of each class, `(classes,)`."""
    starts: np.ndarray = np.cumsum(counts) - counts
    return starts


def _look_up(rows: Rows, images: np.ndarray, turned: np.ndarray) -> Examples:
    """The rows' images of `images` `(T, ways, n)`, turned as their classes `(T, ways)` are."""
    task = np.arange(len(images))[:, None]
    place = torch.from_numpy(images[task, rows.labels, rows.numbers])
    turns = torch.from_numpy(np.where(rows.real, turned[task, rows.labels], 0))
    return Examples(Padded(Places(place, turns), torch.from_numpy(rows.real)), rows.targets())


def _shuffled(rows: np.ndarray, turns: np.ndarray, key: np.ndarray) -> Examples:
    """Places and labels of rows `(T, ways, n)`, shuffled within each task."""
    tasks, ways, n = rows.shape
    order = sampling.permutations(key, ways * n)
    labels = np.take_along_axis(np.broadcast_to(np.arange(ways * n) // n, order.shape), order, 1)
    picked = np.take_along_axis(rows.reshape(tasks, -1), order, 1)
    turned = np.take_along_axis(turns, labels, 1)
    return Examples(
        Places(torch.from_numpy(picked), torch.from_numpy(turned)), torch.from_numpy(labels)
    )
