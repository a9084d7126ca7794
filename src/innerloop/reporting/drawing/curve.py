"""A metric at every inner step."""

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from innerloop.evaluation.interval import over_tasks
from innerloop.objectives import Metric
from innerloop.reporting.drawing.style import BLUE, GREY, ORANGE, headroom, label, logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curve(axis: "Axes", metric: Metric, scores: Tensor, chance: float | None = None) -> None:
    """The mean over tasks with its 95% interval; on logarithmic axes also the median.

    Arguments:
        scores: `(tasks, steps + 1)`.
        chance: the score of guessing; None if it is not known.
    """
    intervals = [over_tasks(scores[:, step]) for step in range(scores.shape[1])]
    x = np.arange(len(intervals))
    mean = metric.scale * np.array([interval.mean for interval in intervals])
    half = metric.scale * np.array([interval.ci95 for interval in intervals])
    axis.errorbar(x, mean, half, fmt="o-", capsize=2, color=BLUE, label="mean, 95% interval")
    if metric.log:  # heavy-tailed: one task can dominate the mean
        median = metric.scale * np.median(scores.double().numpy(), axis=0)
        axis.plot(x, median, "s--", color=ORANGE, label="median")
        logarithmic(axis, "y")
    if chance is not None:
        axis.axhline(metric.scale * chance, linestyle=":", color=GREY, label="chance")
    axis.locator_params(axis="x", integer=True)
    if metric.unit != "%":  # which ends at 100
        headroom(axis)
    axis.legend()
    axis.set(xlabel="inner step", ylabel=f"test {label(metric)}")
    axis.set_title(f"{len(scores)} test tasks")
