"""The style of all figures: colours, paper, and the names of metrics with their units."""

import logging
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from innerloop.errors import visible
from innerloop.machine.files import whole_file
from innerloop.objectives import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Canvas = tuple[Figure, list[Axes]]

# Okabe and Ito's colours, which colour-blind readers can tell apart. A mark or a line style goes
# with each, so that nothing is shown by colour alone.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#777777"
CLASSES = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, BLACK)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
PAPER = "#FFFFFF"  #: of a PNG; the other files are transparent
NARROW, WIDE, HEIGHT = 3.3, 6.9, 2.4  #: inches: a column of a paper, both columns, a row of axes
ACROSS = 3  #: most axes in a row
DOTS = 200  #: per inch, of a PNG
DRAWN = "lines and text alone"  #: comment in a PNG without images; pages invert it in the dark
LOOK: dict[Any, Any] = {  #: matplotlib's settings, whose names are literal types
    "font.size": 8, "figure.titlesize": 8, "axes.titlesize": 8, "axes.labelsize": 8,
    "legend.fontsize": 8, "legend.title_fontsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "lines.linewidth": 1.2, "lines.markersize": 3.5, "axes.linewidth": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "pdf.fonttype": 42, "svg.hashsalt": "innerloop",
}  # fmt: skip

LONGEST = 60  #: letters of a shown name
FIXED = "\N{NO-BREAK SPACE}"
SENTENCE, ACROSS_INCH, LINE = 300, 14.5, 0.15  #: letters of a title, of an inch; inches of a line
SHORT = 18  #: letters of the name of a class
WORDS = {
    "nll": "cross-entropy (nats)",
    "loss": "loss",
}  #: for other scores than the headline metric


@contextmanager
def printed() -> Iterator[None]:
    """While open, figures are made for a paper: text of 8 points, thin lines, no frame."""
    import matplotlib

    with matplotlib.rc_context(LOOK):
        yield


def canvas(panels: int, width: float | None = None, height: float | None = None) -> "Canvas":
    """A figure with axes: one or two columns of a paper wide, at most three axes in a row.

    Arguments:
        panels: number of axes.
        width, height: of the figure in inches; None for the usual size.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere

    columns = min(panels, ACROSS)
    rows = -(-panels // columns)
    size = width or (NARROW if panels == 1 else WIDE), height or HEIGHT * rows
    figure = Figure(figsize=size, layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes[panels:]:
        axis.remove()
    return figure, axes[:panels]


def entitle(figure: "Figure", sentence: str) -> None:
    """Writes above the panels what the figure shows, and makes room for it.

    Arguments:
        sentence: it may be long; empty for no title.
    """
    if not sentence:
        return
    together = (
        plain(sentence, SENTENCE).replace(" ± ", f"{FIXED}±{FIXED}").replace(" %", f"{FIXED}%")
    )
    lines = textwrap.wrap(together, int(ACROSS_INCH * figure.get_figwidth()))
    figure.set_figheight(figure.get_figheight() + LINE * len(lines))
    figure.suptitle("\n".join(lines), x=0.01, ha="left")


def save(figure: "Figure", place: Path) -> Path:
    """Writes a figure as PNG on white, and as transparent PDF and SVG; returns the PNG file.

    Arguments:
        place: the file without its ending.
    """
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every glyph in a PDF
    png = place.with_name(f"{place.name}.png")
    images = any(axis.images for axis in figure.axes)
    about = {} if images else {"Comment": DRAWN}
    with printed():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laying out again for each file would take most time
        with whole_file(png) as file:
            figure.savefig(file, format="png", dpi=DOTS, metadata=about)
        for kind, date in (("pdf", "CreationDate"), ("svg", "Date")):
            with whole_file(place.with_name(f"{place.name}.{kind}")) as file:
                figure.savefig(file, format=kind, transparent=True, metadata={date: None})
    return png


def logarithmic(axis: "Axes", which: str) -> None:
    """A logarithmic axis with plain numbers, such as 0.4 and 3, instead of powers of ten.

    Arguments:
        which: `x` or `y`.
    """
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        """Chooses the ticks that have a number, as its base does."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    getattr(axis, f"set_{which}scale")("log")
    scale = getattr(axis, f"{which}axis")
    scale.set_major_formatter(Plain())
    scale.set_minor_formatter(Plain(minor_thresholds=(1, 0.4)))


def headroom(axis: "Axes", share: float = 0.35) -> None:
    """Extends the y axis upwards, so that a legend has room above the lines.

    Arguments:
        share: of the present height.
    """
    scale = axis.yaxis.get_transform()
    low, high = scale.transform(axis.get_ylim())
    axis.set_ylim(top=float(scale.inverted().transform([high + share * (high - low)])[0]))


def plain(text: str, longest: int = LONGEST) -> str:
    """A user's name, shortened to fit a figure, and escaped so that it is not read as a formula."""
    return visible(text, longest).replace("$", r"\$")


def label(metric: Metric) -> str:
    """A metric with its unit, such as `accuracy (%)` or `MSE`."""
    return plain(metric.label or WORDS.get(metric.name) or metric.heading)


def class_name(names: Sequence[str] | None, label: int, longest: int = SHORT) -> str:
    """The name of a class in a figure, or its number where classes have no names.

    A long name keeps its beginning and its end, which tell `Greek/character1` from `2`.
    """
    if names is None:
        return f"class {label}"
    name, half = names[label], longest // 2
    return plain(name if len(name) <= longest else f"{name[: half - 1]}…{name[-half:]}")


class Look(TypedDict):
    """Colour and mark of points."""

    color: str
    marker: str


def look(number: int) -> Look:
    """Colour and mark of a class; the first 56 are all different."""
    return {"color": CLASSES[number % len(CLASSES)], "marker": MARKS[number % len(MARKS)]}


def steps(count: int) -> str:
    """`after 1 step`, `after 5 steps`; `before adaptation` for none."""
    return "before adaptation" if count == 0 else f"after {count} step{'s' if count > 1 else ''}"
