"""What a picture of one task shows, as plain data that `innerloop.reporting` draws.

A data set that is neither images nor a function of one variable returns one of these from
`TaskSource.sketch`.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Line(NamedTuple):
    """One series of numbers.

    Arguments:
        label: for the legend.
        x, y: of the same length.
        style: how it is drawn.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    style: Literal["points", "line", "dashed"] = "line"


class Curves(NamedTuple):
    """Series over a common axis, such as a flight, a trajectory or a patient's course."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]


class Listing(NamedTuple):
    """A table of texts, such as a user's ratings or a program's examples.

    Arguments:
        columns: headings.
        rows: as many texts each.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Sketch = Curves | Listing
