"""The spread of the scores of a test's tasks."""

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from innerloop.objectives import Metric
from innerloop.reporting.drawing.style import BLUE, ORANGE, headroom, label, logarithmic, steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 40  #: largest number of bars


def spread(
    axis: "Axes", metric: Metric, after: Tensor, before: Tensor | None, scored_step: int
) -> None:
    """Histogram of the tasks' scores at the scored step, with an outline of those before adapting.

    Arguments:
        after: `(tasks,)` at the scored step.
        before: `(n,)` of the first tasks before adapting; None for learners without steps.
    """
    values = _finite(after, metric)
    earlier = values[:0] if before is None else _finite(before, metric)
    if not len(values):
        return
    edges = bars(np.concatenate([values, earlier]), metric).tolist()
    name = None if before is None else steps(scored_step)
    axis.hist(values, edges, weights=_shares(values), color=BLUE, label=name)
    if len(earlier):
        axis.hist(
            earlier, edges, weights=_shares(earlier), label=steps(0),
            histtype="step", linestyle="--", linewidth=1.5, color=ORANGE,
        )  # fmt: skip
        headroom(axis)
        axis.legend()
    if metric.log:
        logarithmic(axis, "x")
    axis.set(xlabel=f"test {label(metric)} of a task", ylabel="share of tasks (%)")
    axis.set_title(f"{len(values)} test tasks")


def _finite(scores: Tensor, metric: Metric) -> np.ndarray:
    """Scores in the metric's unit; a task that diverged has no bar."""
    values = metric.scale * scores.double().numpy()
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _shares(values: np.ndarray) -> np.ndarray:
    """The share of each value in percent."""
    return np.full(len(values), 100 / len(values))


def bars(values: np.ndarray, metric: Metric) -> np.ndarray:
    """Edges of the bars: a bar for each value if percentages take few values."""
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
