"""Line charts as inline SVG whose colours follow the page's, light or dark."""

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from innerloop.reporting.drawing.style import plain

COLOURS = 7  #: of `--line0` to `--line6` in the page's style; then the dashes change
DASHES = ("-", "--", ":", "-.")
TEXT, GRID = "#010101", "#020202"  # stand-ins that no chart shows
SIZE = (5.0, 3.3)  # inches


class Line(NamedTuple):
    """One line of a chart.

    Arguments:
        style: number of its colour, the same for all lines of a setting.
        half: half-widths of intervals, drawn as a band.
        label: None for a further line of a setting that is named already.
    """

    x: Sequence[float]
    y: Sequence[float]
    style: int
    label: str | None = None
    half: Sequence[float] | None = None


def chart(title: str, xlabel: str, ylabel: str, lines: Sequence[Line], log: bool, name: str) -> str:
    """The SVG element.

    Arguments:
        log: whether the y axis is logarithmic.
        name: makes the identifiers inside unlike those of the page's other charts.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere
    from matplotlib.ticker import MaxNLocator

    look: Any = {
        "svg.fonttype": "none", "svg.hashsalt": name, "text.color": TEXT, "axes.labelcolor": TEXT,
        "xtick.color": TEXT, "ytick.color": TEXT, "axes.edgecolor": TEXT, "grid.color": GRID,
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
        "legend.frameon": False, "font.size": 9,
    }  # fmt: skip
    with matplotlib.rc_context(look):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axis = figure.subplots()
        _draw(axis, lines)
        words = {"title": title, "xlabel": xlabel, "ylabel": ylabel}
        axis.set(**{place: plain(word) for place, word in words.items()})
        axis.set_yscale("log" if log else "linear")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if any(line.label for line in lines):
            axis.legend(fontsize=8)
        target = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(target, format="svg", transparent=True, metadata=nothing)
    spoken = f"{title}: {ylabel} against {xlabel}, {sum(bool(line.label) for line in lines)} lines"
    return _inline(target.getvalue(), spoken, name)


def _draw(axis: Any, lines: Sequence[Line]) -> None:
    for line in lines:
        colour = _stand_in(line.style)
        dash = DASHES[line.style // COLOURS % len(DASHES)]
        mark = {"marker": "o", "markersize": 3} if len(line.x) < 15 else {}
        axis.plot(
            line.x,
            line.y,
            dash,
            color=colour,
            label=line.label and plain(line.label.lstrip("_")),  # `_...` would be hidden
            linewidth=1.5,
            **mark,
        )
        if line.half is not None:
            low = [y - h for y, h in zip(line.y, line.half, strict=True)]
            high = [y + h for y, h in zip(line.y, line.half, strict=True)]
            axis.fill_between(line.x, low, high, color=colour, alpha=0.18, linewidth=0)


def _stand_in(style: int) -> str:
    return f"#0304{style % COLOURS:02x}"


def _inline(svg: str, spoken: str, name: str) -> str:
    """The drawing as an element of a page: colours by name, its own identifiers, a spoken text."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = svg.replace(TEXT, "currentColor").replace(GRID, "var(--rule)")
    for style in range(COLOURS):
        svg = svg.replace(_stand_in(style), f"var(--line{style})")
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(spoken)}"', 1)
