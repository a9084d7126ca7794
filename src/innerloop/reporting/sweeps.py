"""The finished runs of a sweep, or of another folder of runs."""

import os
from pathlib import Path

from innerloop.evaluation.schema import RESULTS, TESTED_ON
from innerloop.machine.foreign import find, there
from innerloop.reporting.finished import Finished, below
from innerloop.reporting.terminal import leave_out
from innerloop.startup.run_folder import KEPT


def holds_runs(argument: str) -> bool:
    """Whether a word of the command line is a folder with finished runs, not one of a run."""
    folder = Path(os.path.expanduser(argument))
    return folder.is_dir() and not there(folder / RESULTS) and bool(find(folder, RESULTS.__eq__))


def members(folder: Path) -> list[Finished]:
    """The runs below a folder, on their own data sets; a line for each that did not finish."""
    folder = folder.expanduser()
    for file in find(folder, KEPT.__eq__):
        if not there(file.parent / RESULTS):
            leave_out(f"{file.parent} did not finish")
    return [run for run in below(folder) if run.folder.parent.name != TESTED_ON]
