"""Regression tasks whose targets are values of a random function, equal or unequal in size."""

from abc import abstractmethod

import numpy as np
import torch

from innerloop.data import sampling, sizes
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Padded, Task, bounds


def check_no_classes(episode: Episode) -> None:
    """Raises `UserError` unless a task has one group of examples, as a regression task has."""
    if episode.ways != 1:
        raise UserError(
            f"A regression task has no classes, so episode.ways must be 1, not {episode.ways}."
        )


def scaled(uniform: np.ndarray, interval: tuple[float, ...]) -> np.ndarray:
    """Numbers in [0, 1) as numbers in an interval."""
    low, high = interval
    return low + (high - low) * uniform


class Curves(TaskSource):
    """An endless supply of tasks: each is a random function of one number.

    A subclass draws the functions, in `values`.

    Arguments:
        span: range of x, which is uniform in it.
        noise: standard deviation of the normal noise on y.

    Raises:
        UserError: for negative noise.
    """

    unequal = True

    def __init__(self, span: tuple[float, float] = (-5.0, 5.0), noise: float = 0.0) -> None:
        if noise < 0:
            raise UserError(f"dataset.noise={noise}: a standard deviation is 0 or more.")
        self.span, self.noise = tuple(span), noise

    @abstractmethod
    def values(self, keys: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values `(T, n)` at the places x `(T, n)` of the functions that the keys `(T,)` draw."""

    def check(self, split: str, episode: Episode) -> None:
        check_no_classes(episode)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        keys = sampling.split(sampling.keys(seed, split, indices), 5)
        support = self._examples(keys[:, 0], keys[:, 1], bounds(episode.shots).high)
        query = self._examples(keys[:, 0], keys[:, 2], bounds(episode.queries).high)
        return of_drawn_sizes(Task(support, query), keys[:, 3:], episode)

    def _examples(self, functions: np.ndarray, keys: np.ndarray, count: int) -> Examples:
        """`count` examples of each function, `(T, count, 1)` inputs and targets."""
        places, noise = np.moveaxis(sampling.split(keys, 2), -1, 0)
        x = scaled(sampling.uniform(places, count), self.span)
        y = self.values(functions, x) + self.noise * sampling.normal(noise, count)
        return Examples(*(torch.from_numpy(v.astype(np.float32))[..., None] for v in (x, y)))


def of_drawn_sizes(tasks: Task, keys: np.ndarray, episode: Episode) -> Task:
    """Regression tasks of which each keeps as many first rows as its sizes say.

    Arguments:
        tasks: with the largest sizes of the episode.
        keys: `(T, 2)`, for the sizes of support and query.
    """
    if not episode.varies:
        return tasks
    one = np.ones((len(keys), 1), bool)
    shots = sizes.draw_shots(keys[:, 0], episode, one)
    queries = sizes.draw_queries(keys[:, 1], episode, one)
    return Task(_cut(tasks.support, shots), _cut(tasks.query, queries))


def _cut(examples: Examples, amounts: np.ndarray) -> Examples:
    """The first `amounts` `(T, 1)` rows of each task; zeros fill up the others."""
    rows = torch.arange(examples.targets.shape[1])
    real = rows < torch.from_numpy(amounts)
    inputs, targets = (Padded(torch.where(real[..., None], v, 0), real) for v in examples)
    return Examples(inputs, targets)  # type: ignore[arg-type]
