"""The style of all figures: colours, paper, and the names of metrics with their units."""

from typing import TYPE_CHECKING, TypedDict

from innerloop.errors import visible
from innerloop.objectives import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart. A mark or a line style goes
# with each, so that nothing is shown by colour alone.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#777777"
CLASSES = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, BLACK)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
PAPER = "#F7F7F5"  #: opaque, so that the black text can be read on light and on dark pages

LONGEST = 60  #: letters of a shown name
WORDS = {"nll": "cross-entropy (nats)"}  #: for other scores than the headline metric


def canvas(columns: int, width: float = 3.7, height: float = 3.6) -> tuple["Figure", list["Axes"]]:
    """A figure with a row of axes.

    Arguments:
        width, height: of each of the axes, in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere

    figure = Figure(figsize=(width * columns, height), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, columns, squeeze=False)[0])
    for axis in axes:
        axis.set_facecolor(PAPER)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def plain(text: str) -> str:
    """A user's name, shortened to fit a figure, and escaped so that it is not read as a formula."""
    return visible(text, LONGEST).replace("$", r"\$")


def label(metric: Metric) -> str:
    """A metric with its unit."""
    return plain(metric.label or WORDS.get(metric.name) or metric.heading)


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
