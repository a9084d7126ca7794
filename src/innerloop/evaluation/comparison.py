"""Tests of whether two learners differ, over tasks or over seeds, and Holm's correction.

scipy.stats takes half a second to import, so it is imported where it is used.
"""

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ROUNDING = 1e-5  #: a relative difference that means nothing: a hundred times float32's resolution


class Difference(NamedTuple):
    """A difference of `mean` plus or minus `ci95`, and the p-value of no difference; None where
    there is a single observation."""

    mean: float
    ci95: float | None
    p: float | None


def paired(first: np.ndarray, second: np.ndarray) -> Difference:
    r"""Mean difference of two checkpoints' scores on the same tasks, by Student's paired t.

    .. math:: t = \bar d \sqrt{n} / s_d, \qquad d_i = a_i - b_i, \qquad n - 1 \text{ degrees}

    Differences within the rounding of the scores count as zero. Where all are the same within
    rounding, their spread says nothing. Then p is that of a sign-flip test: 2 of the 2^n patterns
    of signs are as far from zero.

    Arguments:
        first, second: `(tasks,)`, in the order of the same list of tasks.
    """
    from scipy import stats

    first, second = (scores.astype(np.float64) for scores in (first, second))
    rounding = ROUNDING * np.maximum(np.abs(first), np.abs(second))
    difference = np.where(np.abs(first - second) <= rounding, 0.0, first - second)
    n, mean = len(difference), float(difference.mean())
    if n < 2:
        return Difference(mean, None, None)
    if (np.abs(difference - mean) <= rounding).all():
        return Difference(mean, 0.0, 2 * 0.5**n if mean else 1.0)
    test = stats.ttest_1samp(difference, 0.0)
    return Difference(mean, _half_width(test.confidence_interval(0.95)), float(test.pvalue))


def between_seeds(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Difference of two methods' means over their seeds, by Welch's t (1947).

    It is not paired: a seed that two methods share gives the same training tasks but other weights.
    Where the seeds of neither method differ beyond rounding, p is that of a permutation test, which
    assigns the seeds to the two methods at random.

    Arguments:
        first, second: the mean of each seed; at least two seeds.
    """
    from scipy import stats

    mean, sizes = float(np.mean(first) - np.mean(second)), (len(first), len(second))
    rounding = ROUNDING * float(np.abs([*first, *second]).max())
    if max(np.ptp(first), np.ptp(second)) <= rounding:
        p = 2 / math.comb(sum(sizes), sizes[0])
        return Difference(mean, 0.0, p) if abs(mean) > rounding else Difference(0.0, 0.0, 1.0)
    with warnings.catch_warnings():  # scipy warns of a side without spread, but the other has some
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.ttest_ind(first, second, equal_var=False)
    return Difference(mean, _half_width(test.confidence_interval(0.95)), float(test.pvalue))


def _half_width(interval: tuple[float, float]) -> float:
    low, high = interval
    return float(high - low) / 2


def holm(p: Sequence[float]) -> list[float]:
    r"""The p-values of several comparisons, corrected for their number.

    .. math:: \tilde p_{(i)} = \max_{j \leq i} \min(1, (m - j + 1)\, p_{(j)})

    References:
        Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    order = np.argsort(p)
    raised = np.maximum.accumulate((len(p) - np.arange(len(p))) * np.asarray(p)[order])
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return [float(value) for value in corrected]
