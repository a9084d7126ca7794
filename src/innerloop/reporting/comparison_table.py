"""A comparison as tables for the terminal."""

from collections.abc import Sequence

from rich.table import Table

from innerloop.evaluation.sizes import in_words
from innerloop.objectives import Metric
from innerloop.reporting.comparison import TASKS
from innerloop.reporting.comparison_record import (
    ComparisonRecord,
    DifferenceRecord,
    Intervals,
    SideRecord,
)
from innerloop.reporting.numbers import half_or_dash, number_or_nan
from innerloop.reporting.terminal import add_row, cell, new_table, terminal
from innerloop.tasks import Episode


def show_comparison(comparison: ComparisonRecord) -> None:
    """Prints the means, then the differences and how to read them."""
    protocol, differences = comparison["protocol"], comparison["differences"]
    console = terminal()
    console.print(cell(_heading(comparison)))
    console.print(_means(comparison))
    if differences:
        console.print(_differences(comparison))
        console.print(_explanation(differences, protocol["tasks"]))


def _heading(comparison: ComparisonRecord) -> str:
    protocol = comparison["protocol"]
    return (
        f"{comparison['dataset']}, {in_words(Episode.of(comparison['episode']))}, "
        f"{protocol['tasks']} {protocol['split']} tasks, "
        f"batch norm {comparison['norm'] or 'none'}, protocol {protocol['hash']}"
    )


def _means(comparison: ComparisonRecord) -> Table:
    metric = Metric(**comparison["metric"])
    table = new_table(
        "", "run", "algorithm", "seeds", metric.name,
        "over tasks", "over classes", "over seeds", "audit",
    )  # fmt: skip
    for place, side in enumerate(comparison["runs"], 1):
        add_row(
            table, place, side["name"], _learner(side, comparison["dataset"]),
            ", ".join(map(str, side["seeds"])), number_or_nan(side["mean"], metric),
            *_halves(side, metric), side["audit"] or "-",
        )  # fmt: skip
    return table


def _learner(side: SideRecord, dataset: str) -> str:
    """The algorithm, its data set if that is not the test's, and its training if not episodes."""
    elsewhere = side["trained_on"] != dataset
    trained_on = f"trained on {side['trained_on']}" if elsewhere else ""
    return ", ".join(filter(None, (side["algorithm"], trained_on, side["training"])))


def _differences(comparison: ComparisonRecord) -> Table:
    metric, differences = Metric(**comparison["metric"]), comparison["differences"]
    table = new_table(
        "difference", "of", metric.name, "over tasks, paired", "over classes", "over seeds",
        "p by Holm" if len(differences) > 1 else "p", "paired / unpaired",
    )  # fmt: skip
    for entry in differences:
        ratio = entry["paired_to_unpaired"]
        add_row(
            table, f"{entry['first'] + 1} - {entry['second'] + 1}", entry["about"],
            number_or_nan(entry["mean"], metric, sign="+"), *_halves(entry, metric),
            _p(entry["p_holm"]), "-" if ratio is None else f"{ratio:.2f}",
        )  # fmt: skip
    return table


def _explanation(differences: Sequence[DifferenceRecord], tasks: int) -> str:
    """How to read the intervals and the p-values."""
    abouts, text = {entry["about"] for entry in differences}, "95% intervals."
    if "these checkpoints" in abouts and tasks >= TASKS:
        text += (
            f" These checkpoints: p by the paired t over {tasks} tasks; it says nothing about the "
            "methods, for which three seeds of each are needed."
        )
    elif "these checkpoints" in abouts:
        text += f" No p-value: {tasks} test tasks are too few; it takes at least {TASKS}."
    if "methods" in abouts:
        text += " Methods: p by Welch's t over seeds."
    return text


def _halves(entry: Intervals, metric: Metric) -> list[str]:
    halves = (entry["ci95"], entry["ci95_classes"], entry["ci95_seeds"])
    return [half_or_dash(half, metric) for half in halves]


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "< 1e-16" if value < 1e-16 else f"{value:.2g}"
