r"""Shots and queries as Meta-Dataset draws them.

For a task of C classes with n_1, ..., n_C images:

.. math::
    q &= \min(q_{max}, \lfloor \min_c n_c / 2 \rfloor) \\
    S &= \min(S_{max}, \sum_c \lceil \beta \min(100, n_c - q) \rceil), \quad \beta \sim U(0, 1] \\
    R_c &\propto e^{\alpha_c} n_c, \quad \alpha_c \sim U(\log \tfrac12, \log 2) \\
    k_c &= \min(\lfloor R_c (S - C) \rfloor + 1, n_c - q)

Every class has q queries and k_c shots. `episode.queries` is q_max, the upper end of
`episode.shots` is the 100, `episode.largest_support` is S_max.

References:
    Triantafillou et al., "Meta-Dataset: a dataset of datasets for learning to learn from few
    examples", 2020, section 3.2 and appendix.
"""

import numpy as np

from innerloop.data import sampling
from innerloop.tasks import Episode, bounds

LARGEST_WEIGHT = np.log(2)  #: of a class, alpha; the smallest is its negative


def draw(key: np.ndarray, episode: Episode, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shots and queries of each class, both `(T, ways)`.

    Arguments:
        key: `(T,)`.
        episode: the largest sizes.
        images: of each class, `(T, ways)`; 0 for classes that a task does not have.
    """
    size_key, weight_key = np.moveaxis(sampling.split(key, 2), -1, 0)
    present = images > 0
    queries = _queries(episode, images)[:, None] * present
    spare = images - queries
    support = _support(size_key, episode, spare)
    rest = support - present.sum(1)
    proportions = _proportions(weight_key, images)
    shots = (proportions * rest[:, None]).astype(np.int64) + 1
    return np.minimum(shots, spare) * present, queries


def _queries(episode: Episode, images: np.ndarray) -> np.ndarray:
    """Queries of every class of each task, `(T,)`."""
    fewest = np.where(images > 0, images, images.max()).min(1)
    return np.minimum(bounds(episode.queries).high, fewest // 2)


def _support(key: np.ndarray, episode: Episode, spare: np.ndarray) -> np.ndarray:
    """Size of the support of each task, `(T,)`, before it is divided.

    Arguments:
        key: `(T,)`.
        episode: the largest sizes.
        spare: images of each class that are no queries, `(T, ways)`.
    """
    most = np.minimum(spare, bounds(episode.shots).high)
    beta = 1 - sampling.uniform(key, 1)  # in (0, 1]
    return np.minimum(np.ceil(beta * most).astype(np.int64).sum(1), episode.largest_support)


def _proportions(key: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The part of each class in the support, `(T, ways)`; 0 for absent classes."""
    alpha = (2 * sampling.uniform(key, images.shape[1]) - 1) * LARGEST_WEIGHT
    weights = np.exp(alpha) * images
    return weights / weights.sum(1, keepdims=True)
