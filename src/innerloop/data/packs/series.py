"""Draws support and query of a class from different series, such as films of one traffic sign."""

from typing import NamedTuple

import numpy as np

from innerloop.data import sampling
from innerloop.errors import UserError


class Order(NamedTuple):
    """The series of classes in random order: those for the support, then those for queries."""

    series: np.ndarray  #: `(T, ways, most series)`, the number of each
    ends: np.ndarray  #: in the same shape, images up to the end of each
    border: np.ndarray  #: `(T, ways)`, images for the support
    spare: np.ndarray  #: `(T, ways)`, images for queries


class Series:
    """The series of the classes of a split; the images of a series follow one another.

    Arguments:
        lengths: images of each series of each class.
    """

    def __init__(self, lengths: list[list[int]]) -> None:
        self.number = np.array([len(sizes) for sizes in lengths])
        self.lengths = np.zeros((len(lengths), self.number.max()), int)  #: `(classes, most series)`
        for row, sizes in zip(self.lengths, lengths, strict=True):
            row[: len(sizes)] = sizes

    def draw(self, key: np.ndarray, classes: np.ndarray, shots: int, queries: int) -> np.ndarray:
        """Images of each class, by number, first support, then query: `(T, ways, shots + queries)`.

        The series of a class are put in random order; support is drawn from the first ones, as many
        as its share of the images, and query from the others.

        Arguments:
            key: `(T, ways)`.
            classes: `(T, ways)`.
            shots, queries: images of each class.
        """
        order_key, support_key, query_key = np.moveaxis(sampling.split(key, 3), -1, 0)
        order = self._order(order_key, classes, self.of_support(shots, queries))
        support = sampling.choose(support_key, order.border, shots)
        query = sampling.choose(query_key, order.spare, queries) + order.border[..., None]
        return self._image_at(np.concatenate([support, query], -1), classes, order)

    def limited(
        self, key: np.ndarray, classes: np.ndarray, shots: np.ndarray, queries: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As many shots and queries as there are images for them, all `(T, ways)`.

        In tasks of unequal size, half of the series of a class are for the support.
        """
        order = self._order(sampling.split(key, 5)[..., 2], classes, self.of_support(1, 1))
        return np.minimum(shots, order.border), np.minimum(queries, order.spare)

    def draw_each(
        self, key: np.ndarray, classes: np.ndarray, shots: np.ndarray, queries: np.ndarray
    ) -> np.ndarray:
        """`draw` for unequal numbers of images, `(T, ways, most images)`.

        Of each class, only the first shots plus queries are meant.

        Arguments:
            key, classes: as of `limited`.
            shots, queries: what it returned.
        """
        order_key, support_key, query_key = np.moveaxis(sampling.split(key, 5), -1, 0)[2:]
        order = self._order(order_key, classes, self.of_support(1, 1))
        support = sampling.choose_each(support_key, order.border, shots)
        query = sampling.choose_each(query_key, order.spare, queries) + order.border[..., None]
        place = np.arange((shots + queries).max())
        number = place - shots[..., None]  # of a query, from 0
        asked = np.take_along_axis(query, number.clip(0, query.shape[-1] - 1), -1)
        known = support[..., place.clip(0, support.shape[-1] - 1)]
        picked = np.where(number < 0, known, asked)
        return self._image_at(np.where(number < queries[..., None], picked, 0), classes, order)

    def _order(self, key: np.ndarray, classes: np.ndarray, of_support: np.ndarray) -> "Order":
        lengths = self.lengths[classes]
        series = sampling.shuffled(sampling.split(key, lengths.shape[-1]), lengths > 0)
        ends = np.cumsum(np.take_along_axis(lengths, series, -1), -1)
        last = of_support[classes][..., None] - 1
        border = np.take_along_axis(ends, last, -1)[..., 0]
        return Order(series, ends, border, ends[..., -1] - border)

    def _image_at(self, places: np.ndarray, classes: np.ndarray, order: "Order") -> np.ndarray:
        """The numbers of images at places in the random order of the series."""
        lengths = self.lengths[classes]
        turn = (places[..., None] >= order.ends[..., None, :]).sum(-1)
        own = np.take_along_axis(order.series, turn, -1)
        length = np.take_along_axis(lengths, own, -1)
        first = np.take_along_axis(order.ends, turn, -1) - length
        start = np.take_along_axis(np.cumsum(lengths, -1) - lengths, own, -1)
        numbers: np.ndarray = start + places - first
        return numbers

    def of_support(self, shots: int, queries: int) -> np.ndarray:
        """How many series of each class are for the support, `(classes,)`."""
        share = np.rint(self.number * shots / (shots + queries)).astype(int)
        return np.clip(share, 1, np.maximum(self.number - 1, 1))

    def check(self, names: list[str], shots: int, queries: int) -> None:
        """Raises `UserError` if a class may have too few images in some of its series."""
        for name, row, n in zip(names, self.lengths, self.of_support(shots, queries), strict=True):
            sizes = np.sort(row[row > 0])
            if len(sizes) < 2 or sizes[:n].sum() < shots or sizes[:-n].sum() < queries:
                raise UserError(
                    f"Class {name} has {len(sizes)} series of images, and support and query come "
                    f"from different ones: too few for {shots} shots and {queries} queries."
                )
