"""Tasks without replacement: no image is in two tasks of the list.

Each task takes its classes at random from those that still have enough unused images; the list ends
when too few classes are left. The tasks then share no image, so that the interval over tasks also
covers the choice of the images. Usual test tasks draw the same images again and again, and their
interval only says how well the mean of these images is known.

References:
    Lafargue et al., "Oops, I sampled it again: reinterpreting confidence intervals in few-shot
    learning", 2024 (arXiv:2409.02850).
"""

import functools
from typing import NamedTuple

import numpy as np

from innerloop.data import sampling
from innerloop.errors import UserError
from innerloop.tasks import Episode


class Plan(NamedTuple):
    """All tasks of a list, `T` of them.

    Arguments:
        classes: `(T, ways)`.
        images: numbers of the images within their class, `(T, ways, shots + queries)`.
    """

    classes: np.ndarray
    images: np.ndarray


def plan(split: str, counts: np.ndarray, episode: Episode, seed: int) -> Plan:
    """The longest list of tasks that uses every image at most once.

    Arguments:
        split: name of the stream of random numbers.
        counts: images of each class, `(classes,)`.
        episode: sizes of the tasks, all single numbers.
        seed: of the stream.
    """
    return _plan(f"without replacement/{split}", tuple(counts.tolist()), episode.numbers, seed)


def check(split: str, episode: Episode, available: int, tasks: int) -> None:
    """Checks that a list is long enough.

    Arguments:
        split: its name.
        episode: sizes of the tasks.
        available: number of tasks of the list.
        tasks: that are wanted.

    Raises:
        UserError: if the list has fewer.
    """
    if available < tasks:
        raise UserError(
            f"episode.test.replacement=false: the images of the {split} split make {available} "
            f"tasks of {episode.ways} classes that share none, fewer than {tasks}: use "
            f"evaluation.tasks={available} or smaller tasks."
        )


def check_sizes(episode: Episode) -> None:
    """Raises `UserError` for tasks that cannot be drawn without replacement."""
    if episode.varies or episode.drawn_from != "split":
        raise UserError(
            "episode.test.replacement=false needs test tasks of one size from the whole split: "
            "give single numbers for episode.test.ways, shots and queries, balance=equal, "
            "query_balance=equal and drawn_from=split."
        )


@functools.lru_cache(4)
def _plan(name: str, counts: tuple[int, ...], sizes: tuple[int, int, int], seed: int) -> Plan:
    ways, shots, queries = sizes
    size = shots + queries
    classes, turn = _classes(name, np.array(counts) // size, ways, seed)
    key = sampling.keys(seed, f"{name}/images", np.arange(len(counts)))
    images = np.empty((len(classes), ways, size), np.int64)
    for number, count in enumerate(counts):
        (order,) = sampling.permutations(key[[number]], count)
        own = classes == number
        images[own] = order[: count // size * size].reshape(-1, size)[turn[own]]
    return Plan(classes, images)


def _classes(name: str, left: np.ndarray, ways: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The classes of each task, and how often each was used before, both `(T, ways)`.

    Arguments:
        name: of the stream of random numbers.
        left: tasks for which each class has images, `(classes,)`.
        ways: classes of a task.
        seed: of the stream.
    """
    used = np.zeros_like(left)
    classes: list[np.ndarray] = []
    turns: list[np.ndarray] = []
    while len(usable := np.flatnonzero(used < left)) >= ways:
        key = sampling.keys(seed, name, np.array([len(classes)]))
        chosen = usable[sampling.choose(key, len(usable), ways)[0]]
        classes.append(chosen)
        turns.append(used[chosen])
        used[chosen] += 1
    shape = (len(classes), ways)
    return np.array(classes, int).reshape(shape), np.array(turns, int).reshape(shape)
