"""The mean over tasks, with its 95% interval."""

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

    With a single task the half-width is not a number.
    """
    scores, n = scores.double(), len(scores)
    return Interval(float(scores.mean()), float(NORMAL_95 * scores.std(correction=1) / n**0.5), n)
