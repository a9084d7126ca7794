"""The number of classes of a task and of examples of each class, drawn from the task's key.

The number of classes is uniform in the range of the ways. `balance` says how the support of a task
is divided among its classes:

* `equal`: every class has the same number of shots, uniform in the range.
* `uniform`: every class has its own number, uniform in the range.
* `meta_dataset`: the sizes of `innerloop.data.meta_dataset`.
* `dirichlet`: the mean m of the shots is uniform in the range, and ways times m examples are
  divided: one for every class, and the rest in proportions drawn from Dirichlet(alpha), rounded by
  largest remainders. The smaller alpha, the larger the share of a few classes.

`query_balance` says the same of the queries: `equal`, or `dirichlet`, where a class may have none.

A class with too few images has fewer shots, so that one query is left, and then fewer queries.
For imbalanced support see Ochal et al., "Few-shot learning with class imbalance", 2021; Dirichlet
proportions are those of Veilleux et al., "Realistic evaluation of transductive few-shot learning",
2021, who draw queries by them.
"""

import numpy as np
from scipy import special

from innerloop.data import sampling
from innerloop.tasks import Episode, Range, bounds

BALANCES = ("equal", "uniform", "dirichlet", "meta_dataset")


def draw_ways(key: np.ndarray, episode: Episode, available: int | np.ndarray) -> np.ndarray:
    """Number of classes of each task, `(T,)`.

    Arguments:
        key: `(T,)`.
        episode: ranges of the sizes.
        available: the largest number of classes; one for all tasks, or `(T,)`.
    """
    low, high = bounds(episode.ways)
    highest = np.broadcast_to(np.minimum(high, available), key.shape)[:, None]
    return low + sampling.integers(key, highest - low + 1, 1)[:, 0]


def draw_shots(key: np.ndarray, episode: Episode, present: np.ndarray) -> np.ndarray:
    """Number of support examples of each class, `(T, ways)`.

    Arguments:
        key: `(T,)`.
        episode: ranges of the sizes.
        present: `(T, ways)` bool: which classes each task has.
    """
    number, proportion = np.moveaxis(sampling.split(key, 2), -1, 0)
    if episode.balance == "uniform":
        return _uniform(number, episode.shots, present.shape[1]) * present
    shots = _uniform(number, episode.shots, 1)
    if episode.balance == "dirichlet":
        rest = (shots[:, 0] - 1) * present.sum(1)
        shots = 1 + _divided(rest, _dirichlet(proportion, episode.alpha, present), present)
    return shots * present


def draw_queries(key: np.ndarray, episode: Episode, present: np.ndarray) -> np.ndarray:
    """Number of queries of each class, `(T, ways)`; see `draw_shots`."""
    queries = _uniform(key, episode.queries, 1) * present
    if episode.query_balance == "dirichlet":
        share = _dirichlet(sampling.split(key, 2)[:, 1], episode.alpha, present)
        return _divided(queries.sum(1), share, present)
    return queries


def fewest_images(episode: Episode) -> int:
    """The smallest number of images that a class needs."""
    if not episode.varies:
        return sum(episode.numbers[1:])
    by_mean = episode.balance in ("dirichlet", "meta_dataset")
    return 2 if by_mean else bounds(episode.shots).low + 1


def _uniform(key: np.ndarray, size: int | Range, count: int) -> np.ndarray:
    low, high = bounds(size)
    return low + sampling.integers(key, high - low + 1, count)


def _dirichlet(key: np.ndarray, alpha: float, present: np.ndarray) -> np.ndarray:
    """Proportions of the classes that are present, `(T, ways)`: gamma variates over their sum."""
    inside = sampling.uniform(key, present.shape[1]) + 2.0**-54  # never 0, never 1
    variates = special.gammaincinv(alpha, inside) * present
    return variates / variates.sum(1, keepdims=True)


def _divided(total: np.ndarray, share: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Integers that sum to `total` `(T,)`, in proportion to `share` `(T, ways)`."""
    exact = total[:, None] * share
    whole = np.floor(exact).astype(np.int64)
    remainder = np.where(present, exact - whole, -1)
    place = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1)
    return whole + (place < (total - whole.sum(1))[:, None])
