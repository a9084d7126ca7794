"""How numbers stand in the page's tables."""

import statistics
from collections.abc import Sequence

from innerloop.reporting.finished import Finished
from innerloop.reporting.settings import Mean


def shown(value: float | None, metric: str, digits: int = 4) -> str:
    """Accuracies in percent, of the rest the first digits."""
    if value is None:
        return "not finite"
    return f"{100 * value:.2f} %" if metric == "accuracy" else f"{value:.{digits}g}"


def half_width(half: float | None, metric: str) -> str:
    """Half an interval; nothing where there is none."""
    return "" if half is None else f"± {shown(half, metric, 2)}"


def interval(mean: Mean, metric: str) -> str:
    """Half an interval, and over what it is."""
    return "" if mean.half is None else f"{half_width(mean.half, metric)} over {mean.over}"


def minutes(runs: Sequence[Finished]) -> str:
    """The median time that runs took; nothing where it was not kept."""
    known = [run.results.seconds for run in runs if run.results.seconds is not None]
    return f"{statistics.median(known) / 60:.1f}" if known else ""
