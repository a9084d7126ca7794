"""Means with their 95% intervals. There are three kinds, which must not be mixed:

* over tasks (`over_tasks`, `ci95`): other tasks of the same test classes, the same checkpoint.
* over classes (`class_interval.over_classes`, `ci95_classes`): other test classes like these.
* over seeds (`over_seeds`, `ci95_seeds`): other trainings of the same method, the same test tasks.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

NORMAL_95 = 1.959963984540054  #: half-width of a 95% interval in standard deviations


class Interval(NamedTuple):
    """`mean` plus or minus `ci95`, over `tasks` tasks."""

    mean: float
    ci95: float
    tasks: int


def over_tasks(scores: Tensor) -> Interval:
    r"""Mean of `(tasks,)` scores, and :math:`1.96\, s / \sqrt{n}` with the sample's deviation s.

    The half-width is NaN for a single task.
    """
    scores, n = scores.double(), len(scores)
    deviation = float(scores.std(correction=1)) if n > 1 else math.nan
    return Interval(float(scores.mean()), NORMAL_95 * deviation / n**0.5, n)


def over_seeds(means: Sequence[float]) -> float | None:
    r"""Half-width :math:`t_{n-1}\, s / \sqrt{n}` by Student's t; None for a single seed.

    Arguments:
        means: the mean score of each seed's checkpoint on the same test tasks.
    """
    from scipy import stats  # half a second to import; intervals over tasks do without it

    if len(means) < 2:
        return None
    return float(stats.t.ppf(0.975, len(means) - 1) * stats.sem(means))
