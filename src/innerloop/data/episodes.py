"""Tasks of unequal size from any supply of classes: which class and which example each row is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.data import sampling, sizes
from innerloop.errors import UserError
from innerloop.tasks import PADDING, Episode, Padded, bounds

VERSION = 1  #: raise it whenever a task of the same seed, number and sizes would be another
MULTIPLE = 8  #: of the rows of a batch, so that few shapes of batches occur


class Rows(NamedTuple):
    """A support or query set, in random order; every array is `(T, n)`.

    Rows that are not real stand last, and repeat the first example of the first class.
    """

    labels: np.ndarray
    numbers: np.ndarray  #: which of the examples of its class in this task
    real: np.ndarray

    def targets(self) -> Tensor:
        """The labels, and `PADDING` in rows that are not real."""
        return torch.from_numpy(np.where(self.real, self.labels, PADDING))


class Drawn(NamedTuple):
    """A batch of tasks, before any example is looked up.

    Arguments:
        classes: `(T, most_ways)`; -1 where a task has no such class.
        amounts: `(T, most_ways)`, examples of each class, support and query together.
        keys: `(T, most_ways)`, for what the data set draws for each class.
    """

    classes: np.ndarray
    amounts: np.ndarray
    keys: np.ndarray
    support: Rows
    query: Rows


def draw_classes(
    split: str, indices: np.ndarray, episode: Episode, seed: int, available: int
) -> np.ndarray:
    """The classes of each task, `(T, most_ways)`; -1 behind the last one of a task."""
    number, choice, *_ = _keys(split, indices, seed)
    found = np.full((len(indices), episode.most_ways), -1)
    picks = sampling.choose(choice, available, min(episode.most_ways, available))
    found[:, : picks.shape[1]] = picks
    ways = sizes.draw_ways(number, episode, available)
    return np.where(np.arange(episode.most_ways) < ways[:, None], found, -1)


def draw(
    split: str, indices: np.ndarray, episode: Episode, seed: int, supply: int | np.ndarray
) -> Drawn:
    """The tasks with these indices.

    Arguments:
        supply: `(classes,)` numbers of examples; or the number of classes, with endless examples.
    """
    available = supply if isinstance(supply, int) else len(supply)
    classes = draw_classes(split, indices, episode, seed, available)
    present = classes >= 0
    _, _, of_shots, of_queries, first, second, own = _keys(split, indices, seed)
    shots = sizes.draw_shots(of_shots, episode, present)
    queries = sizes.draw_queries(of_queries, episode, present)
    if not isinstance(supply, int):
        there = supply[classes] * present
        shots = np.minimum(shots, np.maximum(there - 1, 0))
        queries = np.minimum(queries, there - shots)
    support, query = _rows(first, shots), _rows(second, queries)
    after = query.numbers + np.take_along_axis(shots, query.labels, 1)
    keys = sampling.split(own, episode.most_ways)
    return Drawn(classes, shots + queries, keys, support, query._replace(numbers=after))


def check_ways(name: str, split: str, episode: Episode, available: int) -> None:
    """Raises `UserError` where a split of the data set `name` has too few classes."""
    key = "episode" if split == "train" else "episode.test"
    if bounds(episode.ways).low > available:
        raise UserError(
            f"The {split} split of {name} has {available} classes, fewer than "
            f"{key}.ways={episode.ways}; use at most {available}."
        )


def on_values(function: Callable[[Any], Any], inputs: Any) -> Any:
    """`function` of inputs; where they are `Padded`, of the values, and zero in the padding."""
    if not isinstance(inputs, Padded):
        return function(inputs)

    def zero(values: Tensor) -> Tensor:
        real = inputs.real.view(*inputs.real.shape, *[1] * (values.ndim - inputs.real.ndim))
        return torch.where(real, values, 0)

    return Padded(tree_map(zero, function(inputs.values)), inputs.real)


def _keys(split: str, indices: np.ndarray, seed: int) -> np.ndarray:
    """`(7, T)`: a key for each thing that a task draws."""
    return sampling.split(sampling.keys(seed, f"unequal/{split}", indices), 7).T


def _rows(key: np.ndarray, amounts: np.ndarray) -> Rows:
    """As many rows of each class as `amounts` `(T, ways)` says."""
    ways, total = amounts.shape[1], amounts.sum(1)
    length = -(-int(total.max()) // MULTIPLE) * MULTIPLE
    most = max(int(amounts.max()), -(-length // ways))  # so that there are `length` places
    wanted = np.arange(most) < amounts[..., None]
    keys = sampling.split(sampling.split(key, ways), most)  # of a place, whatever `most` is
    order = sampling.shuffled(keys.reshape(len(key), -1), wanted.reshape(len(key), -1))
    real = np.arange(length) < total[:, None]
    place = np.where(real, order[:, :length], 0)
    return Rows(place // most, place % most, real)
