"""One task as a data set sketches it: series of numbers, or a table of texts."""

import textwrap
from typing import TYPE_CHECKING

from innerloop.data.sketch import Curves, Listing, Sketch
from innerloop.reporting.drawing.style import WIDE, canvas, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 110  #: of a row of texts
ROWS = 24  #: of a table of texts
STYLES = {"points": "", "line": "-", "dashed": "--"}


def drawn(sketch: Sketch) -> "Figure":
    """The figure of a sketch."""
    if isinstance(sketch, Curves):
        figure, (axis,) = canvas(1, WIDE, 3.2)
        _curves(axis, sketch)
        return figure
    figure, (axis,) = canvas(1, WIDE, 0.7 + 0.2 * (min(len(sketch.rows), ROWS) + 1))
    _listing(axis, sketch)
    return figure


def _curves(axis: "Axes", sketch: Curves) -> None:
    for number, line in enumerate(sketch.lines):
        style, points = look(number), line.style == "points"
        axis.plot(
            line.x, line.y, STYLES[line.style], color=style["color"],
            marker=style["marker"] if points else None, label=plain(line.label),
        )  # fmt: skip
    axis.set(xlabel=plain(sketch.x_label), ylabel=plain(sketch.y_label))
    axis.set_title(plain(sketch.title))
    axis.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def _listing(axis: "Axes", sketch: Listing) -> None:
    """The first `ROWS` rows; a column is as wide as its longest text, within the page."""
    rows = [sketch.columns, *sketch.rows[:ROWS]]
    longest = [max(len(row[column]) for row in rows) for column in range(len(sketch.columns))]
    widths = [max(6, LETTERS * n // max(sum(longest), LETTERS)) for n in longest]
    left = 0.0
    for column, width in enumerate(widths):
        for height, row in enumerate(rows):
            text = textwrap.shorten(plain(row[column]), max(width, 6), placeholder="...")
            axis.text(left, -height, text, weight="bold" if height == 0 else "normal")
        left += width + 2
    axis.set(xlim=(0, max(left, LETTERS)), ylim=(-len(rows), 1))
    axis.set_title(plain(sketch.title))
    axis.set_axis_off()
