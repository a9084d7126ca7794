"""The learning curve: validation and training by outer step and time, and the paper's figure."""

from typing import TYPE_CHECKING

from innerloop.objectives import Metric
from innerloop.reporting.drawing.style import BLUE, GREY, ORANGE, label, logarithmic, plain
from innerloop.reporting.learning_log import Learning

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHORTEST = 2  #: minutes of a training; a shorter one is shown in seconds
LOOKS = {"train": (ORANGE, "-", "training, adapted"), "val": (BLUE, "o-", "validation")}


def learning(axis: "Axes", curve: Learning, metric: Metric) -> None:
    """The headline metric by outer step; the upper axis has the time of the training."""
    for part, (colour, line, name) in LOOKS.items():
        if points := curve.points.get(part):
            x, y = zip(*points, strict=True)
            axis.plot(x, [metric.scale * v for v in y], line, color=colour, label=name)
    if curve.paper is not None:
        name = f"paper, {plain(curve.paper.source)}"
        axis.axhline(curve.paper.value, linestyle="--", color=GREY, label=name)
    if metric.log:
        logarithmic(axis, "y")
    axis.set(xlabel="outer step", ylabel=label(metric), xlim=(0, 1.03 * curve.steps))
    if curve.minutes and curve.steps:
        unit, times = ("minutes", 1) if curve.minutes >= SHORTEST else ("seconds", 60)
        per_step = times * curve.minutes / curve.steps
        both = (lambda step: step * per_step, lambda time: time / per_step)
        axis.secondary_xaxis("top", functions=both).set_xlabel(unit)
    axis.legend()
