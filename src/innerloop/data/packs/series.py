"""Draws support and query of a class from different series, such as films of one traffic sign."""

import numpy as np

from innerloop.data import sampling
from innerloop.errors import UserError


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
        lengths = self.lengths[classes]
        series = sampling.shuffled(sampling.split(order_key, lengths.shape[-1]), lengths > 0)
        ends = np.cumsum(np.take_along_axis(lengths, series, -1), -1)
        of_support = self.of_support(shots, queries)[classes][..., None]
        border = np.take_along_axis(ends, of_support - 1, -1)[..., 0]
        support = sampling.choose(support_key, border, shots)
        query = sampling.choose(query_key, ends[..., -1] - border, queries) + border[..., None]
        places = np.concatenate([support, query], -1)
        return self._image_at(places, classes, series, ends)

    def _image_at(
        self, places: np.ndarray, classes: np.ndarray, series: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        """The numbers of images at places in the random order of the series."""
        lengths = self.lengths[classes]
        turn = (places[..., None] >= ends[..., None, :]).sum(-1)
        own = np.take_along_axis(series, turn, -1)
        length = np.take_along_axis(lengths, own, -1)
        first = np.take_along_axis(ends, turn, -1) - length
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
