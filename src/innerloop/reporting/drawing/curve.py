"""A metric at every inner step."""

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from innerloop.evaluation.interval import over_tasks
from innerloop.objectives import Metric
from innerloop.reporting.drawing.style import BLUE, GREY, ORANGE, label

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
    axis.fill_between(x, mean - half, mean + half, color=BLUE, alpha=0.25, linewidth=0)
    axis.errorbar(x, mean, half, fmt="o-", capsize=3, markersize=4, color=BLUE, label="mean, 95%")
    if metric.log:  # heavy-tailed: one task can dominate the mean
        median = metric.scale * np.median(scores.double().numpy(), axis=0)
        axis.plot(x, median, "s--", markersize=4, color=ORANGE, label="median")
        axis.set_yscale("log")
    if chance is not None:
        axis.axhline(metric.scale * chance, linestyle=":", color=GREY, label="chance")
    axis.locator_params(axis="x", integer=True)
    axis.legend(fontsize=7)
    axis.set(xlabel="inner step", ylabel=f"query {label(metric)}")
    axis.set_title(f"{len(scores)} test tasks", fontsize=10)
