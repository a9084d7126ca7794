"""A list of runs for the terminal: a line for each, or all details."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.table import Table

from innerloop.evaluation import stamps
from innerloop.evaluation.parts import Sizes
from innerloop.evaluation.schema import RESULTS
from innerloop.evaluation.sizes import span
from innerloop.machine.screen import short
from innerloop.reporting.finished import Finished
from innerloop.reporting.numbers import mean_and_half
from innerloop.reporting.short_names import short_names
from innerloop.reporting.terminal import add_row, cell, terminal

AGES = ((86400, "d"), (3600, "h"), (60, "min"))  #: seconds of a unit


def show_runs(runs: Sequence[Finished], known: Sequence[Finished], details: bool) -> None:
    """Prints a line for each run: short name, learner and tasks, headline metric, age.

    Arguments:
        runs: those to show.
        known: all runs, among which the short names are unique.
        details: whether folder, metric, batch norm, audit, date and command follow.
    """
    names = dict(zip((run.folder for run in known), short_names(known), strict=True))
    table = Table.grid(padding=(0, 2, 0, 0))
    for place in range(5):
        table.add_column(no_wrap=place != 1, overflow="fold")
    for run in runs:
        add_row(table, names[run.folder], *_row(run))
        for line in _details(run) if details else ():
            table.add_row("", cell(line))
    terminal().print(table)


def _row(run: Finished) -> list[str]:
    results = run.results
    what = f"{results.algorithm} {results.tested_on} {_size(results.episode.test)}"
    name = "" if run.metric.unit == "%" else f"{run.metric.name} "
    score = name + mean_and_half(run.headline.mean, run.headline.ci95, run.metric)
    return [what, f"seed {results.seed}", score, _age(run.folder / RESULTS)]


def _size(test: Sizes) -> str:
    """`5w1s`; the shots alone for tasks of one class."""
    ways = "" if test.ways == 1 else f"{span(test.ways)}w"
    return f"{ways}{span(test.shots)}s"


def _details(run: Finished) -> list[str]:
    results = run.results
    facts = {
        "folder": short(run.folder),
        "batch norm": results.norm or "none",
        "metric": f"{run.metric.name}, {results.protocol.tasks:,} tasks, {results.protocol.hash}",
        "training": results.training_in_words,
        "audit": stamps.in_words([results.audited]),
        "date": _date(run.folder / RESULTS),
        "command": results.command,
    }
    return [f"{name}: {fact}" for name, fact in facts.items() if fact]


def _age(file: Path) -> str:
    """How long ago a file was written, such as `2 h ago`; a dash for a time that cannot be."""
    try:
        seconds = time.time() - file.stat().st_mtime
    except OSError:
        return "-"
    if not 0 <= seconds < 1e10:
        return "-"
    fitting = ((length, unit) for length, unit in AGES if seconds >= length)
    length, unit = next(fitting, (1, "s"))
    return f"{seconds / length:.0f} {unit} ago"


def _date(file: Path) -> str:
    """When a file was written; a dash for a time outside the calendar."""
    try:
        return f"{datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M}"
    except (OSError, ValueError, OverflowError):
        return "-"
