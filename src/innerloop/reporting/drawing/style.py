"""What all figures share: colours, paper, and the words for metrics and their units."""

from typing import Any

from innerloop.errors import visible
from innerloop.objectives import Metric

# Okabe and Ito's colours, which stay apart for the colour-blind; a mark or a line style goes with
# each, so that nothing is told by colour alone.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, GREY = "#56B4E9", "#E69F00", "#000000", "#777777"
CLASSES = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, BLACK)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
PAPER = "#F7F7F5"  #: opaque, so that the black text can be read on light and on dark pages

LONGEST = 60  #: letters of a name
WORDS = {"nll": "cross-entropy (nats)"}  #: for scores beside the headline metric, which has its own


def canvas(columns: int, width: float = 3.7, height: float = 3.6) -> tuple[Any, list[Any]]:
    """A figure with a row of axes, in inches."""
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
    """A name from outside, cut to what fits into a figure, of which matplotlib typesets nothing."""
    return visible(text, LONGEST).replace("$", r"\$")


def label(metric: Metric) -> str:
    """A metric with its unit."""
    return plain(metric.label or WORDS.get(metric.name) or metric.heading)


def look(number: int) -> dict[str, Any]:
    """Colour and mark of a class; the first 56 are all different."""
    return {"color": CLASSES[number % len(CLASSES)], "marker": MARKS[number % len(MARKS)]}


def steps(count: int) -> str:
    """`after 1 step`, `after 5 steps`; `before adaptation` for none."""
    return "before adaptation" if count == 0 else f"after {count} step{'s' if count > 1 else ''}"
