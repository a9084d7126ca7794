"""The headline metric of an objective, as tables and pictures show it."""

from typing import NamedTuple


class Metric(NamedTuple):
    """A headline metric.

    Arguments:
        name: a key of the objective's scores.
        unit: follows a number, such as `%`; percentages have two decimals.
        scale: the shown value is `scale` times the value: 100 for a share in percent.
        log: whether axes are logarithmic, because values span orders of magnitude.
        higher_is_better: whether a higher value is better.
        label: text for the axes of pictures; empty for the name with its unit.
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
