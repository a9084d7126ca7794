"""Whether two learners differ: paired over tasks, or over seeds; and many pairs at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special


class Difference(NamedTuple):
    """`mean` plus or minus `ci95`, and the p-value of there being none."""

    mean: float
    ci95: float
    p: float


def paired(first: np.ndarray, second: np.ndarray) -> Difference:
    r"""Mean difference of two checkpoints' scores on the same tasks, by Student's paired t.

    .. math:: t = \bar d \sqrt{n} / s_d, \qquad d_i = a_i - b_i, \qquad n - 1 \text{ degrees}

    Arguments:
        first, second: `(tasks,)`, in the order of one list of tasks.
    """
    difference = first.astype(np.float64) - second.astype(np.float64)
    n = len(difference)
    return _student(float(difference.mean()), float(difference.std(ddof=1)) / n**0.5, n - 1)


def between_seeds(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Difference of two methods' means over their seeds, by Welch's t (1947).

    Not paired: a seed that two methods share makes the same training tasks, but other weights.

    Arguments:
        first, second: a mean for each seed, at least two.
    """
    parts = [np.var(part, ddof=1) / len(part) for part in (first, second)]
    total = float(sum(parts))
    weights = [p**2 / (len(x) - 1) for p, x in zip(parts, (first, second), strict=True)]
    freedom = total**2 / float(sum(weights)) if total else 1.0
    return _student(float(np.mean(first) - np.mean(second)), total**0.5, freedom)


def _student(mean: float, error: float, freedom: float) -> Difference:
    if error == 0:
        return Difference(mean, 0.0, 1.0 if mean == 0 else 0.0)
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
