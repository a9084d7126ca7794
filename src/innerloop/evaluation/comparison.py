"""Whether two learners differ: paired over tasks, or over seeds; and many pairs at once."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from innerloop.evaluation.significance import ROUNDING


class Difference(NamedTuple):
    """`mean` plus or minus `ci95`, and the p-value of there being none; None where one observation
    cannot tell."""

    mean: float
    ci95: float | None
    p: float | None


def paired(first: np.ndarray, second: np.ndarray) -> Difference:
    r"""Mean difference of two checkpoints' scores on the same tasks, by Student's paired t.

    .. math:: t = \bar d \sqrt{n} / s_d, \qquad d_i = a_i - b_i, \qquad n - 1 \text{ degrees}

    Differences within the rounding of the scores are none, and where all are the same within it,
    their spread says nothing. Then p is that of flipping signs, of which 2 in 2^n patterns are as
    far from zero.

    Arguments:
        first, second: `(tasks,)`, in the order of one list of tasks.
    """
    first, second = (scores.astype(np.float64) for scores in (first, second))
    rounding = ROUNDING * np.maximum(np.abs(first), np.abs(second))
    difference = np.where(np.abs(first - second) <= rounding, 0.0, first - second)
    n, mean = len(difference), float(difference.mean())
    if n < 2:
        return Difference(mean, None, None)
    if (np.abs(difference - mean) <= rounding).all():
        return Difference(mean, 0.0, 2 * 0.5**n if mean else 1.0)
    return _student(mean, float(difference.std(ddof=1)) / n**0.5, n - 1)


def between_seeds(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Difference of two methods' means over their seeds, by Welch's t (1947).

    Not paired: a seed that two methods share makes the same training tasks, but other weights.
    Where the seeds of neither differ beyond rounding, p is that of dealing the seeds to the two
    methods at random.

    Arguments:
        first, second: a mean for each seed, at least two.
    """
    mean, sizes = float(np.mean(first) - np.mean(second)), (len(first), len(second))
    rounding = ROUNDING * float(np.abs([*first, *second]).max())
    if max(np.ptp(first), np.ptp(second)) <= rounding:
        p = 2 / math.comb(sum(sizes), sizes[0])
        return Difference(mean, 0.0, p) if abs(mean) > rounding else Difference(0.0, 0.0, 1.0)
    parts = [np.var(part, ddof=1) / len(part) for part in (first, second)]
    total = float(sum(parts))
    weights = [p**2 / (n - 1) for p, n in zip(parts, sizes, strict=True)]
    return _student(mean, total**0.5, total**2 / float(sum(weights)))


def _student(mean: float, error: float, freedom: float) -> Difference:
    p = 2 * special.stdtr(freedom, -abs(mean / error))
    return Difference(mean, float(special.stdtrit(freedom, 0.975)) * error, float(p))


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
