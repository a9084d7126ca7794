"""A list of runs as a table for the terminal."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from innerloop.evaluation import stamps
from innerloop.evaluation.schema import RESULTS
from innerloop.evaluation.sizes import span
from innerloop.reporting.finished import Finished
from innerloop.reporting.numbers import half_or_dash, number_or_nan
from innerloop.reporting.terminal import add_row, new_table, terminal


def show_runs(runs: Sequence[Finished]) -> None:
    """Prints a row for each run, with its headline metric and the interval over tasks."""
    table = new_table(
        "folder", "algorithm", "dataset", "ways/shots", "norm", "seed",
        "metric", "mean", "over tasks", "audit", "date",
    )  # fmt: skip
    for run in runs:
        add_row(table, *_row(run))
    terminal().print(table)


def _row(run: Finished) -> list[object]:
    results, test = run.results, run.results.episode.test
    return [
        _path(run.folder),
        ", ".join(filter(None, (results.algorithm, results.training_in_words))),
        results.tested_on,
        f"{span(test.ways)}/{span(test.shots)}",
        results.norm or "-",
        results.seed,
        run.metric.name,
        number_or_nan(run.headline.mean, run.metric),
        half_or_dash(run.headline.ci95, run.metric),
        stamps.in_words([results.audited]) or "-",
        _date(run.folder / RESULTS),
    ]


def _date(file: Path) -> str:
    """When a file was written; a dash for a time outside the calendar."""
    try:
        return f"{datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M}"
    except (OSError, ValueError, OverflowError):
        return "-"


def _path(folder: Path) -> str:
    """A folder as commands in the current folder accept it."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
