"""A comparison as tables for the terminal."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from innerloop.evaluation.sizes import in_words
from innerloop.objectives import Metric
from innerloop.reporting.comparison import TASKS
from innerloop.reporting.comparison_record import (
    ComparisonRecord,
    DifferenceRecord,
    SideRecord,
)
from innerloop.reporting.numbers import half_of, mean_and_half, unit
from innerloop.reporting.terminal import cell, narrow_table, terminal
from innerloop.tasks import Episode


def show_comparison(comparison: ComparisonRecord) -> None:
    """Prints the means, then the differences and how to read them."""
    protocol, differences = comparison["protocol"], comparison["differences"]
    console = terminal()
    console.print(cell(heading(comparison)), style="bold")
    console.print(_means(comparison))
    if differences:
        console.print()
        console.print(_differences(comparison))
        console.print(cell(_explanation(differences, protocol["tasks"])))
    for note in _notes(comparison):
        console.print(cell(note))
    console.print()


def heading(comparison: ComparisonRecord) -> str:
    """The data set, the size of its tasks, their number and the protocol."""
    protocol = comparison["protocol"]
    return (
        f"{comparison['dataset']}, {in_words(Episode.of(comparison['episode']))}, "
        f"{protocol['tasks']:,} {protocol['split']} tasks, protocol {protocol['hash']}"
    )


def _means(comparison: ComparisonRecord) -> Table:
    """A row for each side; columns that say nothing are left out."""
    metric = Metric(**comparison["metric"])
    rows = [
        {
            "": str(place),
            "run": side["name"],
            "learner": _learner(side, comparison["dataset"]),
            "seeds": ", ".join(map(str, side["seeds"])),
            metric.name: mean_and_half(side["mean"], side["ci95"], metric),
            "over classes": half_of(side["ci95_classes"], metric),
            "over seeds": _over_seeds(side, metric),
            "batch norm": side["norm"] or "-",
        }
        for place, side in enumerate(comparison["runs"], 1)
    ]
    same_norm = len({side["norm"] for side in comparison["runs"]}) == 1
    named = all(row["learner"] in row["run"] for row in rows)
    empty = {key for key in ("over classes", "over seeds") if all(r[key] == "-" for r in rows)}
    hidden = empty | ({"batch norm"} if same_norm else set()) | ({"learner"} if named else set())
    return narrow_table(rows, hidden, folds=("run", "learner"))


def _over_seeds(side: SideRecord, metric: Metric) -> str:
    """Half the interval over seeds; two seeds themselves, whose interval would say nothing."""
    if len(side["seeds"]) == 2:
        shown = [mean_and_half(m, side["ci95"], metric) for m in side["seed_means"]]
        return ", ".join(text.partition(" ")[0] for text in shown) + unit(metric)
    return half_of(side["ci95_seeds"], metric)


def _learner(side: SideRecord, dataset: str) -> str:
    """The algorithm, its data set if that is not the test's, and its training if not episodes."""
    elsewhere = side["trained_on"] != dataset
    trained_on = f"trained on {side['trained_on']}" if elsewhere else ""
    return ", ".join(filter(None, (side["algorithm"], trained_on, side["training"])))


def _differences(comparison: ComparisonRecord) -> Table:
    metric, differences = Metric(**comparison["metric"]), comparison["differences"]
    rows = [
        {
            "difference": f"{entry['first'] + 1} - {entry['second'] + 1}",
            "of": entry["about"],
            f"{metric.name}, paired": mean_and_half(entry["mean"], entry["ci95"], metric, "+"),
            "over classes": half_of(entry["ci95_classes"], metric),
            "over seeds": half_of(entry["ci95_seeds"], metric),
            "p by Holm" if len(differences) > 1 else "p": _p(entry["p_holm"]),
        }
        for entry in differences
    ]
    same = len({entry["about"] for entry in differences}) == 1
    empty = {key for key in ("over classes", "over seeds") if all(r[key] == "-" for r in rows)}
    return narrow_table(rows, empty | ({"of"} if same else set()))


def _notes(comparison: ComparisonRecord) -> Iterator[str]:
    """What differs between the learners beside their scores."""
    sides = comparison["runs"]
    norms: dict[str | None, list[str]] = {}
    for side in sides:
        norms.setdefault(side["norm"], []).append(side["algorithm"])
    if len(norms) > 1:
        yield (
            "Batch norms differ: " + "; ".join(map(_norm_in_words, norms.items())) + ". "
            "norm=support for all compares the methods alone."
        )
    audits = dict.fromkeys(side["audit"] for side in sides if side["audit"])
    for audit in audits:
        names = dict.fromkeys(side["algorithm"] for side in sides if side["audit"] == audit)
        yield f"Audit of {', '.join(names)}: {audit}"


def _norm_in_words(item: tuple[str | None, Sequence[str]]) -> str:
    norm, algorithms = item
    names = " and ".join(dict.fromkeys(algorithms))
    what = "may use" if norm == "transductive" else "may not use"
    without = "has no batch norm and " if norm is None else ""
    return f"{names} {without}{what} the statistics of its queries" + (f" ({norm})" if norm else "")


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


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "< 1e-16" if value < 1e-16 else f"{value:.2g}"
