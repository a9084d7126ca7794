"""What is wrong with a run, from its log: not finite, exploding, silent."""

import math
import statistics
from collections.abc import Sequence

from innerloop.live.log import Log

EXPLODES = 100.0  #: times the median of its earlier norms that a meta-gradient may have
EARLIER = 5  #: norms that are needed for a median
SILENT = 300.0  #: seconds without a new row that are always allowed
PATIENCE = 10.0  #: times the usual pause between two rows after which a run counts as stalled


def troubles(log: Log, running: bool, silent: float, pause: float | None) -> list[str]:
    """What a user should look at, in words.

    Arguments:
        running: whether a process is at work on the run.
        silent: seconds since anything was written.
        pause: usual seconds between two rows; None if not known.
    """
    found = [_not_finite(log), _exploding(log)]
    if running and silent > max(SILENT, PATIENCE * (pause or 0.0)):
        found.append(f"stalled: nothing written for {silent / 60:.0f} minutes")
    return [words for words in found if words]


def _not_finite(log: Log) -> str:
    """The first value of training or validation that is NaN or infinite."""
    for row in log.rows:
        for key, value in row.items():
            if key.startswith(("train/", "val/")) and _is_fault(key, value):
                return f"NaN: {key} is {value} at step {int(row.get('step', 0))}"
    return ""


def _is_fault(key: str, value: float) -> bool:
    return not math.isfinite(value) and not key.endswith(("tasks_per_second", "_before"))


def _exploding(log: Log) -> str:
    """Whether the last meta-gradient is far longer than the earlier ones."""
    norms = [row[key] for row in log.rows for key in ("inside/meta_gradient_norm",) if key in row]
    if len(norms) <= EARLIER:
        return ""
    usual = _median(norms[:-1])
    if norms[-1] <= EXPLODES * usual:  # False for NaN, which `_not_finite` reports elsewhere
        return ""
    return f"exploding: the meta-gradient's norm is {norms[-1]:.3g}, usually {usual:.3g}"


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else 0.0
