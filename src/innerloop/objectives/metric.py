"""The number that a learner is judged by, as far as tables and pictures must know it."""

from typing import NamedTuple


class Metric(NamedTuple):
    """A headline metric.

    Arguments:
        name: a key of the objective's scores.
        unit: stands after a number, such as `%`; numbers in percent have two decimals.
        scale: shown value = scale times value, such as 100 for a share in percent.
        log: whether values span orders of magnitude, so that axes are logarithmic.
        higher_is_better: whether a learner is better the higher it is.
        label: words for the axes of pictures; empty for the name with its unit.
    """

    name: str
    unit: str = ""
    scale: float = 1.0
    log: bool = False
    higher_is_better: bool = True
    label: str = ""

    @property
    def heading(self) -> str:
        """The name with its unit: `accuracy (%)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name
