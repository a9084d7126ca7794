"""What is wrong with a run, from its log: not finite, exploding, silent."""

import math
import statistics
from collections.abc import Sequence

from innerloop.live.log import Log

EXPLODES = 100.0  #: times the median of its recent norms that a meta-gradient may have
EARLIER = 5  #: norms that are needed for a median
RECENT = 200  #: norms of which the median is taken, at most
SILENT = 300.0  #: seconds without a new row that are always allowed
PATIENCE = 10.0  #: times the usual pause between two rows after which a run counts as stalled


def troubles(log: Log, running: bool, silent: float, pause: float | None) -> list[str]:
    """What a user should look at, in words.

    Arguments:
        running: whether a process is at work on the run.
        silent: seconds since anything was written.
        pause: usual seconds between two rows; None if not known.
    """
    found = [log.fault and f"NaN: {log.fault}", _exploding(log)]
    if running and silent > max(SILENT, PATIENCE * (pause or 0.0)):
        found.append(f"stalled: nothing written for {silent / 60:.0f} minutes")
    return [words for words in found if words]


def _exploding(log: Log) -> str:
    """Whether the last meta-gradient is far longer than the earlier ones."""
    norms = log.values("inside/meta_gradient_norm", RECENT)
    if len(norms) <= EARLIER:
        return ""
    usual = _median(norms[:-1])
    if norms[-1] <= EXPLODES * usual:  # False for NaN, which is a fault of its own
        return ""
    return f"exploding: the meta-gradient's norm is {norms[-1]:.3g}, usually {usual:.3g}"


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else 0.0
