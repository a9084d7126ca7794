"""Numbers as the page's tables show them."""

import statistics
from collections.abc import Sequence

from innerloop.objectives import Metric
from innerloop.reporting.finished import Finished
from innerloop.reporting.numbers import number
from innerloop.reporting.settings import Mean


def shown(value: float | None, metric: Metric, digits: int = 4) -> str:
    """A value in the metric's unit; `not finite` for None."""
    return "not finite" if value is None else number(value, metric, digits)


def half_width(half: float | None, metric: Metric) -> str:
    """Half an interval; empty if there is none."""
    return "" if half is None else f"± {shown(half, metric, 2)}"


def interval(mean: Mean, metric: Metric) -> str:
    """Half an interval, with the tasks or seeds that it is over.

    Two seeds are shown themselves: their interval by Student's t would be too wide to say anything.
    """
    if len(mean.seeds) == 2:
        return f"seeds {' and '.join(shown(value, metric) for value in mean.seeds)}"
    return "" if mean.half is None else f"{half_width(mean.half, metric)} over {mean.over}"


def minutes(runs: Sequence[Finished]) -> str:
    """The median time of runs; empty if no time is stored."""
    known = [run.results.seconds for run in runs if run.results.seconds is not None]
    return f"{statistics.median(known) / 60:.1f}" if known else ""
