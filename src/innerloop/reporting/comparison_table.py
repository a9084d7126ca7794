"""A comparison, and a list of runs, as tables for the terminal."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from innerloop.evaluation import stamps
from innerloop.evaluation.schema import RESULTS
from innerloop.evaluation.sizes import in_words, span
from innerloop.objectives import Metric
from innerloop.reporting.comparison import TASKS
from innerloop.reporting.finished import Finished
from innerloop.reporting.numbers import number
from innerloop.reporting.terminal import add_row, cell, new_table, terminal
from innerloop.tasks import Episode


def show_comparison(found: dict[str, Any]) -> None:
    """Prints the means, then the differences and what they speak of."""
    episode, protocol = Episode.of(found["episode"]), found["protocol"]
    console = terminal()
    words = (
        f"{found['dataset']}, {in_words(episode)}, "
        f"{protocol['tasks']} {protocol['split']} tasks, batch norm {found['norm'] or 'none'}, "
        f"protocol {protocol['hash']}"
    )
    console.print(cell(words))
    console.print(_means(found))
    if found["differences"]:
        console.print(_differences(found))
        console.print("\n".join(_words(found["differences"], protocol["tasks"])))


def _means(found: dict[str, Any]) -> Table:
    metric = Metric(**found["metric"])
    table = new_table("", "run", "algorithm", "seeds", metric.name, "over tasks",
                      "over classes", "over seeds", "audit")  # fmt: skip
    for place, run in enumerate(found["runs"], 1):
        seeds = ", ".join(map(str, run["seeds"]))
        add_row(
            table, place, run["name"],
            _learner(_trained(run, found["dataset"]), run["training"]), seeds,
            _value(run["mean"], metric), *_halves(run, metric),
            run["audit"] or "-",
        )  # fmt: skip
    return table


def _trained(run: dict[str, Any], dataset: str) -> str:
    """The algorithm, and what it was trained on if that is another data set than the test's."""
    same = run["trained_on"] == dataset
    return str(run["algorithm"]) if same else f"{run['algorithm']}, trained on {run['trained_on']}"


def _differences(found: dict[str, Any]) -> Table:
    several, metric = len(found["differences"]) > 1, Metric(**found["metric"])
    table = new_table("difference", "of", metric.name, "over tasks, paired", "over classes",
                   "over seeds", "p by Holm" if several else "p", "paired / unpaired")  # fmt: skip
    for entry in found["differences"]:
        ratio = entry["paired_to_unpaired"]
        add_row(
            table, f"{entry['first'] + 1} - {entry['second'] + 1}", entry["about"],
            _value(entry["mean"], metric, sign="+"), *_halves(entry, metric),
            _p(entry["p_holm"]), "-" if ratio is None else f"{ratio:.2f}",
        )  # fmt: skip
    return table


def _words(differences: Sequence[dict[str, Any]], tasks: int) -> list[str]:
    abouts = {entry["about"] for entry in differences}
    lines = ["95% intervals."]
    if "these checkpoints" in abouts:
        lines[0] += (
            f" These checkpoints: p by the paired t over {tasks} tasks; it says nothing of the "
            "methods, for which three seeds of each are needed."
            if tasks >= TASKS
            else f" No p-value: {tasks} test tasks are too few for one, which takes {TASKS}."
        )
    if "methods" in abouts:
        lines[0] += " Methods: p by Welch's t over seeds."
    return lines


def show_runs(runs: Sequence[Finished]) -> None:
    """Prints what runs there are, with their headline and its interval over tasks."""
    table = new_table("folder", "algorithm", "dataset", "ways/shots", "norm", "seed", "metric",
                   "mean", "over tasks", "audit", "date")  # fmt: skip
    for run in runs:
        results, test = run.results, run.results.episode.test
        add_row(
            table, _shown(run.folder),
            _learner(results.algorithm, results.training_in_words), results.tested_on,
            f"{span(test.ways)}/{span(test.shots)}", results.norm or "-", results.seed,
            run.metric.name, _value(run.headline.mean, run.metric),
            _half(run.headline.ci95, run.metric),
            stamps.in_words([results.audited]) or "-", _date(run.folder / RESULTS),
        )  # fmt: skip
    terminal().print(table)


def _learner(algorithm: str, training: str) -> str:
    """An algorithm, with how it was trained where that is not on episodes from scratch."""
    return f"{algorithm}, {training}" if training else algorithm


def _date(file: Path) -> str:
    """When a file was written; a dash for a time outside of the calendar."""
    try:
        return f"{datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M}"
    except (OSError, ValueError, OverflowError):
        return "-"


def _shown(folder: Path) -> str:
    """As it can be pasted behind a command here."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _halves(entry: dict[str, Any], metric: Metric) -> list[str]:
    return [_half(entry[key], metric) for key in ("ci95", "ci95_classes", "ci95_seeds")]


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "< 1e-16" if value < 1e-16 else f"{value:.2g}"


def _half(value: float | None, metric: Metric) -> str:
    return "-" if value is None else f"± {_value(value, metric)}"


def _value(value: float | None, metric: Metric, sign: str = "") -> str:
    """JSON's word for what is not a number is null."""
    return "nan" if value is None else number(value, metric, sign=sign)
