"""The users of a split: their ratings side by side, and what the bias model says of them."""

from typing import NamedTuple

import numpy as np

from innerloop.data import sampling
from innerloop.data.ratings.bias import Bias
from innerloop.data.ratings.table import Ratings
from innerloop.tasks import Episode, bounds


class Drawn(NamedTuple):
    """Ratings of each task, by their rows in a table of ratings."""

    rows: np.ndarray  #: `(T, n)`
    real: np.ndarray  #: `(T, n)` bool; the other rows fill up


class Rows(NamedTuple):
    """Items of the users of several tasks, each column `(T, n)`."""

    user: np.ndarray
    item: np.ndarray
    item_bias: np.ndarray  #: without what the row's own rating says of it
    item_count: np.ndarray  #: ratings of the item in training, without the row's own
    stars: np.ndarray  #: NaN for a candidate that the user did not rate
    real: np.ndarray  #: bool; the other rows fill up

    def and_also(self, others: "Rows") -> "Rows":
        """These rows, and others of the same tasks after them."""
        return Rows(*[np.concatenate(pair, 1) for pair in zip(self, others, strict=True)])


class Users:
    """Ratings one user after the other.

    Arguments:
        ratings: in any order.
        asked: `(n,)` bool: ratings that a query may be; None for all.
        known: `(n,)` bool: ratings that the bias model is fitted to.
        bias: the bias model.
    """

    def __init__(
        self, ratings: Ratings, asked: np.ndarray | None, known: np.ndarray, bias: Bias
    ) -> None:
        order = np.argsort(ratings.user, kind="stable")
        self.ratings, self.known = ratings.where(order), known[order]
        self.asked = np.ones(len(order), bool) if asked is None else asked[order]
        self.numbers, self.first, self.counts = np.unique(
            self.ratings.user, return_index=True, return_counts=True
        )
        without = bias.items_without(self.ratings)
        self.item_bias = np.where(self.known, without, bias.items[self.ratings.item])
        self.item_count = bias.counts[self.ratings.item] - self.known
        self.residuals, self.bias = bias.residuals(self.ratings), bias
        self.pool = np.unique(self.ratings.item[self.asked])  #: items that a query may be

    def eligible(self, episode: Episode, longer: bool) -> np.ndarray:
        """The places of users whose number of ratings an episode takes.

        Arguments:
            longer: whether users with more ratings serve as well.
        """
        (fewest, most), queries = bounds(episode.shots), bounds(episode.queries)
        enough = self.counts >= fewest + queries.low
        asked = np.add.reduceat(self.asked, self.first) >= queries.low
        fits = longer | (self.counts <= most + queries.high) | (fewest == most)
        return np.flatnonzero(enough & asked & fits)

    def draw(
        self, users: np.ndarray, key: np.ndarray, episode: Episode, drawn_sizes: bool
    ) -> tuple[Drawn, Drawn]:
        """Support and queries of each task.

        Arguments:
            users: place of each task's user, `(T,)`.
            key: `(T, 3)`, for the queries, the support, and its size.
            drawn_sizes: whether the size of the support is uniform in the range of the shots;
                otherwise it is the largest.
        """
        places = np.arange(self.counts[users].max())
        rows = np.minimum(self.first[users][:, None] + places, len(self.known) - 1)
        present = places < self.counts[users][:, None]
        queries = bounds(episode.queries).high
        asked = sampling.shuffled(
            sampling.split(key[:, 0], len(places)), present & self.asked[rows]
        )[:, :queries]
        np.put_along_axis(present, asked, False, 1)
        order = sampling.shuffled(sampling.split(key[:, 1], len(places)), present)
        fewest, most = bounds(episode.shots)
        sizes = np.minimum(self.counts[users] - queries, most)
        if drawn_sizes:
            sizes = fewest + sampling.integers(key[:, 2], (sizes - fewest + 1)[:, None], 1)[:, 0]
        real = np.arange(most) < sizes[:, None]
        chosen = np.take_along_axis(rows, _wide(order, most), 1)
        support = Drawn(np.where(real, chosen, 0), real)
        asked_rows = np.take_along_axis(rows, asked, 1)
        return support, Drawn(asked_rows, np.ones_like(asked_rows, bool))

    def rows(self, drawn: Drawn) -> Rows:
        """The ratings that were drawn."""
        rows, real = drawn
        user, item, stars = (column[rows] for column in self.ratings)
        return Rows(user, item, self.item_bias[rows], self.item_count[rows], stars, real)

    def candidates(self, users: np.ndarray, key: np.ndarray, count: int) -> Rows:
        """Items that a user did not rate, at random among those that others were asked for.

        Arguments:
            users: place of each task's user, `(T,)`.
            key: `(T,)`.
            count: of each task.
        """
        pairs = zip(users, key, strict=True)
        item = np.stack([self._unrated(place, own, count) for place, own in pairs])
        return Rows(
            user=np.broadcast_to(self.numbers[users][:, None], item.shape),
            item=item,
            item_bias=self.bias.items[item],
            item_count=self.bias.counts[item],
            stars=np.full(item.shape, np.nan, np.float32),
            real=np.ones(item.shape, bool),
        )

    def _unrated(self, place: int, key: np.ndarray, count: int) -> np.ndarray:
        """Items of the pool, `(count,)`, that the user at a place did not rate."""
        first, number = self.first[place], self.counts[place]
        others = np.setdiff1d(self.pool, self.ratings.item[first : first + number])
        return others[sampling.choose(key, len(others), count)]


def _wide(order: np.ndarray, width: int) -> np.ndarray:
    """The first `width` columns; the last one is repeated where there are fewer."""
    return order[:, np.minimum(np.arange(width), order.shape[1] - 1)]
