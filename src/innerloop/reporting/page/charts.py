"""Line charts as inline SVG, with colours that follow the page's light or dark style."""

import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from innerloop.reporting.drawing.style import logarithmic, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = 7  #: `--line0` to `--line6` in the page's style; further lines change the dashes
DASHES = ("-", "--", ":", "-.")
TEXT, GRID = "#010101", "#020202"  # placeholders, replaced by the page's colours
SIZE = (5.0, 3.3)  # inches


LOOK: dict[Any, Any] = {  #: matplotlib's settings, whose names are literal types
    "svg.fonttype": "none", "text.color": TEXT, "axes.labelcolor": TEXT,
    "xtick.color": TEXT, "ytick.color": TEXT, "axes.edgecolor": TEXT, "grid.color": GRID,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "legend.frameon": False, "font.size": 9,
}  # fmt: skip


class Line(NamedTuple):
    """One line of a chart.

    Arguments:
        x, y: the points.
        style: number of its colour, the same for all lines of a setting.
        label: name of the setting; None if another of its lines has the label.
        half: half-widths of intervals, drawn as a band.
        thin: whether it is one of a few seeds, which are drawn instead of an interval.
    """

    x: Sequence[float]
    y: Sequence[float]
    style: int
    label: str | None = None
    half: Sequence[float] | None = None
    thin: bool = False


def chart(title: str, xlabel: str, ylabel: str, lines: Sequence[Line], log: bool, name: str) -> str:
    """A chart as an SVG element.

    Arguments:
        log: whether the y axis is logarithmic.
        name: prefix of the identifiers inside, unique in the page.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(LOOK | {"svg.hashsalt": name}):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axis = figure.subplots()
        _draw(axis, lines)
        axis.set(title=plain(title), xlabel=plain(xlabel), ylabel=plain(ylabel))
        if log:
            logarithmic(axis, "y")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if any(line.label for line in lines):
            axis.legend(fontsize=8)
        target = io.StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(target, format="svg", transparent=True, metadata=no_metadata)
    spoken = f"{title}: {ylabel} against {xlabel}, {sum(bool(line.label) for line in lines)} lines"
    return _inline(target.getvalue(), spoken, name)


def _draw(axis: "Axes", lines: Sequence[Line]) -> None:
    for line in lines:
        colour = _placeholder(line.style)
        axis.plot(
            line.x,
            line.y,
            DASHES[line.style // COLOURS % len(DASHES)],
            color=colour,
            label=line.label and plain(line.label.lstrip("_")),  # `_...` would be hidden
            linewidth=0.7 if line.thin else 1.5,
            marker="o" if len(line.x) < 15 and not line.thin else "none",
            markersize=3,
        )
        if line.half is not None:
            low = [y - h for y, h in zip(line.y, line.half, strict=True)]
            high = [y + h for y, h in zip(line.y, line.half, strict=True)]
            axis.fill_between(line.x, low, high, color=colour, alpha=0.18, linewidth=0)


def _placeholder(style: int) -> str:
    return f"#0304{style % COLOURS:02x}"


def _inline(svg: str, spoken: str, name: str) -> str:
    """The drawing as an element of the page.

    Arguments:
        spoken: a description for screen readers.
        name: prefix of its identifiers.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = svg.replace(TEXT, "currentColor").replace(GRID, "var(--rule)")
    for style in range(COLOURS):
        svg = svg.replace(_placeholder(style), f"var(--line{style})")
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(spoken)}"', 1)
