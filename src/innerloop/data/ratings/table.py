"""Tables of ratings, and what is known of their users and items."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Ratings(NamedTuple):
    """Ratings in any order; `Ratings.sorted` puts those of each user next to each other."""

    user: np.ndarray  #: `(n,)` int64, below the number of users
    item: np.ndarray  #: `(n,)` int64, below the number of items
    stars: np.ndarray  #: `(n,)` float32

    def where(self, chosen: np.ndarray) -> "Ratings":
        """The ratings that a mask `(n,)`, or an index, chooses."""
        return Ratings(*[column[chosen] for column in self])

    def sorted(self) -> "Ratings":
        """The ratings in the order of their users."""
        return self.where(np.argsort(self.user, kind="stable"))


class Catalogue(NamedTuple):
    """What is known of users and items before anybody rates.

    Categories of all columns share one numbering, so that one embedding serves them all.
    """

    users: np.ndarray  #: `(users, a)` categories, int64
    items: np.ndarray  #: `(items, b)` categories, int64
    flags: np.ndarray  #: `(items, c)` properties that an item has or has not, float32
    categories: int  #: number of categories of all columns
    titles: Sequence[str]  #: of the items


class Parts(NamedTuple):
    """The ratings of each split."""

    train: Ratings
    val: Ratings
    test: Ratings
    #: of the test's ratings, those that a task may ask for; None for all. The others are known.
    asked: np.ndarray | None = None


def numbered(columns: np.ndarray, first: int = 0) -> tuple[np.ndarray, int]:
    """Columns of categories in one numbering, and the first number that is free.

    Arguments:
        columns: `(n, a)` numbers from 0, each column in a numbering of its own.
        first: number of the first category.

    Example:
        >>> numbered(np.array([[0, 1], [2, 0]]), first=5)
        (array([[5, 9],
               [7, 8]]), 10)
    """
    ends = first + np.cumsum(columns.max(0) + 1)
    return columns + np.array([first, *ends[:-1]]), int(ends[-1])
