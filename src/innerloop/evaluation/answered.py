"""What a learner answered to the queries of some test tasks, for pictures of its mistakes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ANSWERS = "answers.npz"  #: file of a run with the answers to some tasks after every inner step


class Answered(NamedTuple):
    """The queries of several tasks, one after another.

    Arguments:
        confidence: `(n,)` probability of the predicted class.
        predicted, truth: `(n,)` numbers of classes; -1 where the data set does not number them.
        right: `(n,)` whether the answer is right.
        offered: `(n, ways)` numbers of the classes of the query's task; -1 for none.
        names: of the classes by number; None if they have none.
    """

    confidence: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray
    right: np.ndarray
    offered: np.ndarray
    names: list[str] | None

    def confusion(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the `c` classes, and `(c, c)` how often a row's class is taken for a column's.

        A share counts only the queries whose task has the class of the column; NaN if none has.
        """
        numbers = np.unique(self.offered[self.offered >= 0])
        taken, possible = np.zeros((2, len(numbers), len(numbers)))
        rows = np.searchsorted(numbers, self.truth)
        np.add.at(taken, (rows, np.searchsorted(numbers, self.predicted)), 1)
        for own in self.offered.T:
            known = own >= 0
            np.add.at(possible, (rows[known], np.searchsorted(numbers, own[known])), 1)
        with np.errstate(invalid="ignore"):
            return numbers, np.where(possible > 0, taken / possible, np.nan)

    def bins(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean confidence, share of right answers and number of queries, by bins of confidence.

        Bins without queries are left out.

        Arguments:
            count: bins of equal width between 0 and 1.
        """
        place = np.minimum((self.confidence * count).astype(int), count - 1)
        sizes = np.bincount(place, minlength=count)
        used = sizes > 0
        means = [
            np.bincount(place, weights=values.astype(float), minlength=count)[used] / sizes[used]
            for values in (self.confidence, self.right)
        ]
        return means[0], means[1], sizes[used]


def joined(parts: Sequence[Answered]) -> Answered:
    """The queries of all parts, one after another; the parts have the same names."""
    columns = zip(*[part[:-1] for part in parts], strict=True)
    arrays = [np.concatenate(column) for column in columns]
    return Answered(*arrays, names=parts[0].names)  # type: ignore[misc,arg-type]
