"""Layouts of tasks of unequal size: which class and which example each row is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data import groups as class_groups
from innerloop.data import meta_dataset, sampling, sizes, tree
from innerloop.tasks import PADDING, Episode

VERSION = 1  #: increase it whenever the same seed, index and sizes would give another task
ENOUGH = 2**20  #: examples of a class that has as many as needed
MULTIPLE = 8  #: the number of rows is a multiple of it, so that few shapes of batches occur


Limit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Rows(NamedTuple):
    """The rows of support or query sets, in random order; every array is `(T, n)`.

    Rows that are not real come last, and repeat the first example of the first class.
    """

    labels: np.ndarray
    numbers: np.ndarray  #: of the examples that its class has in this task
    real: np.ndarray  #: bool

    def targets(self) -> Tensor:
        """The labels `(T, n)`, and `PADDING` in rows that are not real."""
        return torch.from_numpy(np.where(self.real, self.labels, PADDING))


class TaskLayout(NamedTuple):
    """The classes and rows of a batch of tasks, before any example is looked up.

    Arguments:
        classes: `(T, most_ways)`; -1 for classes that a task does not have.
        amounts: `(T, most_ways)`, examples of each class, support and query together.
        shots: `(T, most_ways)`, those of the support.
        keys: `(T, most_ways)`, for further random numbers of each class.
        support, query: rows of the two sets.
    """

    classes: np.ndarray
    amounts: np.ndarray
    shots: np.ndarray
    keys: np.ndarray
    support: Rows
    query: Rows


def draw_classes(
    split: str,
    indices: np.ndarray,
    episode: Episode,
    seed: int,
    available: int,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """The classes of each task, `(T, most_ways)`; -1 after the last class of a task.

    Arguments:
        split, indices, episode, seed: as of `draw`.
        available: number of classes.
        groups: the number of each class's group, `(classes,)`, or which classes each node of a tree
            spans, `(nodes, classes)`, if a task takes one group or node.
    """
    number, choice, *_, group = _keys(split, indices, seed)
    if groups is not None:
        of_group = class_groups.draw_classes if groups.ndim == 1 else tree.draw_classes
        return of_group(group, groups, episode)
    classes = np.full((len(indices), episode.most_ways), -1)
    picks = sampling.choose(choice, available, min(episode.most_ways, available))
    classes[:, : picks.shape[1]] = picks
    ways = sizes.draw_ways(number, episode, available)
    return np.where(np.arange(episode.most_ways) < ways[:, None], classes, -1)


def draw(
    split: str,
    indices: np.ndarray,
    episode: Episode,
    seed: int,
    supply: int | np.ndarray,
    groups: np.ndarray | None = None,
    limit: Limit | None = None,
) -> TaskLayout:
    """The layouts of the tasks with these indices.

    Arguments:
        split: name of the stream of random numbers.
        indices: `(T,)`.
        episode: ranges of the sizes.
        seed: of the stream.
        supply: examples of each class, `(classes,)`; or the number of classes, if each has as many
            examples as needed.
        groups: as of `draw_classes`.
        limit: lowers shots and queries, with the classes and their keys, all `(T, most_ways)`.
    """
    classes = draw_classes(
        split=split,
        indices=indices,
        episode=episode,
        seed=seed,
        available=supply if isinstance(supply, int) else len(supply),
        groups=groups,
    )
    keys = _keys(split, indices, seed)
    _, _, shot_key, query_key, support_row_key, query_row_key, class_key, _ = keys
    examples = np.full(classes.shape, ENOUGH) if isinstance(supply, int) else supply[classes]
    shots, queries = _amounts(shot_key, query_key, episode, examples * (classes >= 0))
    class_keys = sampling.split(class_key, episode.most_ways)
    if limit is not None:
        shots, queries = limit(class_keys, classes, shots, queries)
    support, query = _rows(support_row_key, shots), _rows(query_row_key, queries)
    after_support = query.numbers + np.take_along_axis(shots, query.labels, 1)
    return TaskLayout(
        classes=classes,
        amounts=shots + queries,
        shots=shots,
        keys=class_keys,
        support=support,
        query=query._replace(numbers=after_support),
    )


def _keys(split: str, indices: np.ndarray, seed: int) -> np.ndarray:
    """`(8, T)`: one key for each random choice of a task."""
    return sampling.split(sampling.keys(seed, f"unequal/{split}", indices), 8).T


def _amounts(
    shot_key: np.ndarray, query_key: np.ndarray, episode: Episode, examples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shots and queries `(T, ways)`, of as many examples as each class has."""
    if episode.balance == "meta_dataset":
        return meta_dataset.draw(shot_key, episode, examples)
    present = examples > 0
    shots = sizes.draw_shots(shot_key, episode, present)
    queries = sizes.draw_queries(query_key, episode, present)
    return _limited(shots, queries, examples)


def _limited(
    shots: np.ndarray, queries: np.ndarray, examples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shots and queries `(T, ways)` within the examples of each class; one query is left."""
    shots = np.minimum(shots, np.maximum(examples - 1, 0))
    return shots, np.minimum(queries, examples - shots)


def _rows(key: np.ndarray, amounts: np.ndarray) -> Rows:
    """Shuffled rows of each class, as many as `amounts` `(T, ways)` says."""
    ways, total = amounts.shape[1], amounts.sum(1)
    length = -(-int(total.max()) // MULTIPLE) * MULTIPLE
    most = max(int(amounts.max()), -(-length // ways))  # so that there are `length` places
    wanted = np.arange(most) < amounts[..., None]
    keys = sampling.split(sampling.split(key, ways), most)  # a place's is the same for any `most`
    order = sampling.shuffled(keys.reshape(len(key), -1), wanted.reshape(len(key), -1))
    real = np.arange(length) < total[:, None]
    place = np.where(real, order[:, :length], 0)
    return Rows(place // most, place % most, real)
