"""A metric at every inner step."""

from typing import Any

import numpy as np
from torch import Tensor

from innerloop.evaluation.interval import over_tasks
from innerloop.objectives import Metric
from innerloop.reporting.drawing.style import BLUE, GREY, ORANGE, label


def curve(axis: Any, metric: Metric, scores: Tensor, chance: float | None = None) -> None:
    """Mean over tasks with its 95% interval; the median too on logarithmic axes.

    Arguments:
        scores: `(tasks, steps + 1)`.
        chance: what guessing would score, if that is known.
    """
    found = [over_tasks(scores[:, step]) for step in range(scores.shape[1])]
    x = np.arange(len(found))
    mean, half = (metric.scale * np.array(v) for v in zip(*[i[:2] for i in found], strict=True))
    axis.fill_between(x, mean - half, mean + half, color=BLUE, alpha=0.25, linewidth=0)
    axis.errorbar(x, mean, half, fmt="o-", capsize=3, markersize=4, color=BLUE, label="mean, 95%")
    if metric.log:  # one task of a heavy tail can be the whole mean
        median = metric.scale * np.median(scores.double().numpy(), axis=0)
        axis.plot(x, median, "s--", markersize=4, color=ORANGE, label="median")
        axis.set_yscale("log")
    if chance is not None:
        axis.axhline(metric.scale * chance, linestyle=":", color=GREY, label="chance")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(fontsize=7)
    axis.set(xlabel="inner step", ylabel=f"query {label(metric)}")
    axis.set_title(f"{len(scores)} test tasks", fontsize=10)
