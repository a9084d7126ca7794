"""Where the images of a batch of tasks lie in a split of a pack."""

import numpy as np
import torch

from innerloop.data import sampling
from innerloop.data.episodes import Drawn, Rows
from innerloop.data.packs.resident import Places
from innerloop.tasks import Episode, Examples, Padded, Task


def equal(
    key: np.ndarray, classes: np.ndarray, episode: Episode, counts: np.ndarray, turns: int
) -> Task:
    """Tasks of one size, whose inputs are `Places`.

    Arguments:
        key: `(T, 5)`, of which the first was for the classes.
        classes: `(T, ways)`.
        counts: images of each class of the split.
        turns: how many quarter-turns a class may have.
    """
    ways, shots, queries = episode.numbers
    rows = sampling.choose(sampling.split(key[:, 1], ways), counts[classes], shots + queries)
    rows += _starts(counts)[classes][..., None]  # (T, ways, shots + queries)
    turned = sampling.integers(key[:, 2], turns, ways)
    support, query = rows[..., :shots], rows[..., shots:]
    return Task(_shuffled(support, turned, key[:, 3]), _shuffled(query, turned, key[:, 4]))


def unequal(drawn: Drawn, counts: np.ndarray, turns: int) -> Task:
    """Tasks of unequal size, whose inputs are `Padded` `Places`.

    Arguments:
        counts, turns: as of `equal`.
    """
    of_images, of_turns = np.moveaxis(sampling.split(drawn.keys, 2), -1, 0)
    images = sampling.choose_each(of_images, counts[drawn.classes], drawn.amounts)
    images += _starts(counts)[drawn.classes][..., None]
    turned = sampling.integers(of_turns, turns, 1)[..., 0]
    return Task(_looked_up(drawn.support, images, turned), _looked_up(drawn.query, images, turned))


def _starts(counts: np.ndarray) -> np.ndarray:
    """Where each class begins in its split."""
    starts: np.ndarray = np.cumsum(counts) - counts
    return starts


def _looked_up(rows: Rows, images: np.ndarray, turned: np.ndarray) -> Examples:
    """Rows of `images` `(T, ways, n)`, turned by `(T, ways)`."""
    task = np.arange(len(images))[:, None]
    place = torch.from_numpy(images[task, rows.labels, rows.numbers])
    turns = torch.from_numpy(turned[task, rows.labels])
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
