"""How the tasks of a test differ."""

from typing import Any

import numpy as np
from torch import Tensor

from innerloop.reporting.drawing.style import BLUE, ORANGE, label, scale, steps

MOST = 40  #: bars


def spread(axis: Any, metric: str, scores: Tensor, scored_step: int) -> None:
    """Histogram of the tasks' scores at the scored step, and in outline before adaptation.

    Arguments:
        scores: `(tasks, steps + 1)`.
    """
    values = scale(metric) * scores.double().numpy()
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
    if metric == "mse":
        axis.set_xscale("log")
    axis.set(xlabel=f"a task's {label(metric)}", ylabel="share of tasks (%)")
    axis.set_title(f"{len(values)} test tasks", fontsize=10)


def bars(values: np.ndarray, metric: str) -> np.ndarray:
    """Edges of the bars: one for each value where a task's score can take only a few."""
    if metric == "mse":
        low, high = max(values.min(), 1e-9), max(values.max(), 2e-9)
        return np.geomspace(low * 0.99, high * 1.01, 31)
    gaps = np.diff(np.unique(values.round(6)))
    gap = gaps.min() if len(gaps) else 0.0
    if metric == "accuracy" and gap and 100 / gap <= MOST:
        return np.arange(-gap / 2, 100 + gap, gap)
    low, high = (0.0, 100.0) if metric == "accuracy" else (values.min(), values.max() + 1e-9)
    return np.linspace(low, high, 26)
