"""How the tasks of a test differ."""

from typing import Any

import numpy as np
from torch import Tensor

from innerloop.objectives import Metric
from innerloop.reporting.drawing.style import BLUE, ORANGE, label, steps

MOST = 40  #: bars


def spread(axis: Any, metric: Metric, scores: Tensor, scored_step: int) -> None:
    """Histogram of the tasks' scores at the scored step, and in outline before adaptation.

    Arguments:
        scores: `(tasks, steps + 1)`.
    """
    values = metric.scale * scores.double().numpy()
    values = values[np.isfinite(values).all(1)]  # a task that diverged has no bar
    if not len(values):
        return
    edges = bars(values[:, [0, scored_step]], metric)
    share = np.full(len(values), 100 / len(values))
    after, before = values[:, scored_step], values[:, 0]
    named = steps(scored_step) if scored_step else None
    axis.hist(after, edges, weights=share, color=BLUE, label=named)
    if scored_step:
        line = {"histtype": "step", "linestyle": "--", "linewidth": 1.5, "color": ORANGE}
        axis.hist(before, edges, weights=share, label=steps(0), **line)
        axis.legend(fontsize=7)
    if metric.log:
        axis.set_xscale("log")
    axis.set(xlabel=f"a task's {label(metric)}", ylabel="share of tasks (%)")
    axis.set_title(f"{len(values)} test tasks", fontsize=10)


def bars(values: np.ndarray, metric: Metric) -> np.ndarray:
    """Edges of the bars: one for each value where a task's percentage can take only a few."""
    if metric.log:
        low, high = max(values.min(), 1e-9), max(values.max(), 2e-9)
        return np.geomspace(low * 0.99, high * 1.01, 31)
    low, high = values.min(), values.max()
    if metric.unit != "%":
        return np.linspace(low, high if high > low else low + 1e-9 * max(abs(low), 1.0), 26)
    low, high = min(low, 0.0), max(high, 100.0)
    gaps = np.diff(np.unique(values.round(6)))
    gap = gaps.min() if len(gaps) else 0.0
    if gap and (high - low) / gap <= MOST:
        return np.arange(low - gap / 2, high + gap, gap)
    return np.linspace(low, high, 26)
