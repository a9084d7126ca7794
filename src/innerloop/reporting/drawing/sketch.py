"""One task as a data set sketches it: series of numbers, or a table of texts."""

import textwrap
from typing import TYPE_CHECKING

from innerloop.data.sketch import Curves, Listing, Sketch
from innerloop.reporting.drawing.style import canvas, look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = 110  #: of a row of texts
ROWS = 24  #: of a table of texts
STYLES = {"points": "", "line": "-", "dashed": "--"}


def drawn(sketch: Sketch) -> "Figure":
    """The figure of a sketch."""
    if isinstance(sketch, Curves):
        figure, (axis,) = canvas(1, 5.6, 3.8)
        _curves(axis, sketch)
        return figure
    figure, (axis,) = canvas(1, 7.4, 0.7 + 0.26 * (min(len(sketch.rows), ROWS) + 1))
    _listing(axis, sketch)
    return figure


def _curves(axis: "Axes", sketch: Curves) -> None:
    for number, line in enumerate(sketch.lines):
        style, points = look(number), line.style == "points"
        axis.plot(
            line.x, line.y, STYLES[line.style], color=style["color"],
            marker=style["marker"] if points else None, markersize=4, label=plain(line.label),
        )  # fmt: skip
    axis.set(xlabel=plain(sketch.x_label), ylabel=plain(sketch.y_label))
    axis.set_title(plain(sketch.title), fontsize=10)
    axis.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def _listing(axis: "Axes", sketch: Listing) -> None:
    """The first `ROWS` rows; a column is as wide as its longest text, within the page."""
    rows = [sketch.columns, *sketch.rows[:ROWS]]
    longest = [max(len(row[column]) for row in rows) for column in range(len(sketch.columns))]
    widths = [max(6, LETTERS * n // max(sum(longest), LETTERS)) for n in longest]
    left = 0.0
    for column, width in enumerate(widths):
        for height, row in enumerate(rows):
            text = textwrap.shorten(plain(row[column]), max(width, 6), placeholder="...")
            axis.text(left, -height, text, fontsize=8, weight="bold" if height == 0 else "normal")
        left += width + 2
    axis.set(xlim=(0, max(left, LETTERS)), ylim=(-len(rows), 1))
    axis.set_title(plain(sketch.title), fontsize=10)
    axis.set_axis_off()
