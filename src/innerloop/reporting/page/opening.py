"""The opening of the page: what was run, when, and what it cost."""

from collections.abc import Sequence
from datetime import datetime

from innerloop.errors import visible
from innerloop.evaluation.schema import RESULTS
from innerloop.reporting.finished import Finished

NAMED = 4  #: algorithms or data sets that a title names


def title(runs: Sequence[Finished]) -> str:
    """The learners and the data sets: `maml and protonet on glyphs`."""
    learners = _listed([run.results.algorithm for run in runs], "algorithms")
    datasets = _listed([run.results.tested_on for run in runs], "data sets")
    seed = f", seed {runs[0].results.seed}" if len(runs) == 1 else ""
    return f"{learners} on {datasets}{seed}"


def dated(runs: Sequence[Finished]) -> str:
    """When the newest run finished, and how many there are."""
    newest = max((run.folder / RESULTS).stat().st_mtime for run in runs)
    day = f"{datetime.fromtimestamp(newest):%d %B %Y}".lstrip("0")
    return f"{day}, {len(runs)} run{'s' * (len(runs) != 1)}"


def cost(runs: Sequence[Finished]) -> str:
    """The time that all runs took, and on which devices; empty if it is not known."""
    seconds = [run.results.seconds for run in runs if run.results.seconds is not None]
    if not seconds:
        return ""
    devices = _listed([run.results.device or "an unknown device" for run in runs], "devices")
    minutes = sum(seconds) / 60
    time = f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
    known = "" if len(seconds) == len(runs) else f" ({len(seconds)} of {len(runs)} runs say)"
    return f"Training and test took {time} in all{known}, on {devices}."


def _listed(names: Sequence[str], what: str) -> str:
    """Different names as a list in words: `a, b and c`; their number if they are many."""
    different = [visible(name, 60) for name in dict.fromkeys(names)]
    if len(different) > NAMED:
        return f"{len(different)} {what}"
    *first, last = different
    return f"{', '.join(first)} and {last}" if first else last
