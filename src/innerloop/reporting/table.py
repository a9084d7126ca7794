"""The closing table of a run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from innerloop.evaluation import stamps
from innerloop.evaluation.sizes import span
from innerloop.objectives import Metric
from innerloop.reporting.numbers import half_of, mean_and_half, unit
from innerloop.reporting.terminal import add_row, cell, terminal

if TYPE_CHECKING:
    from innerloop.evaluation.parts import Entry
    from innerloop.evaluation.schema import Results

STEPS = (0, 1, 5, 10)
NARROW = 80  #: columns for which the table is made


def closing_table(content: Mapping[str, object]) -> Table:
    """The headline metric; for learners with inner steps also before and after some of them.

    Arguments:
        content: the content of `results.json`.
    """
    from innerloop.evaluation import schema  # pydantic, which a run's start does without

    results = schema.read(content)
    rows, metric = _rows(results), results.metric
    classes = rows[0][1].ci95_classes is not None
    title, caption = cell(_title(results)), Text("\n").join(map(cell, _caption(results)))
    widest = max(len(line) for text in (title, caption) for line in text.plain.splitlines())
    table = Table(title=title, caption=caption, min_width=min(widest, NARROW))
    for heading in ("adaptation", "metric"):
        table.add_column(heading)
    for heading in ("mean", "95% over tasks", *(["95% over classes"] if classes else [])):
        table.add_column(heading, justify="right")
    for label, entry in rows:
        halves = (entry.ci95, entry.ci95_classes) if classes else (entry.ci95,)
        shown = [half_of(half, metric) for half in halves]
        add_row(table, label, metric.name, _mean(entry, metric), *shown)
    return table


def _title(results: "Results") -> str:
    episode, tasks = results.episode.test, results.protocol.tasks
    return (
        f"{results.algorithm} on {results.tested_on}: {tasks} test tasks, "
        f"{episode.in_words}, {span(episode.queries)} queries"
    )


def _mean(entry: "Entry", metric: Metric) -> str:
    """The mean with as many decimals as half its interval, see `mean_and_half`."""
    mean = mean_and_half(entry.mean, entry.ci95, metric).partition(" ± ")[0]
    return mean.removesuffix(unit(metric)) + ("" if entry.mean is None else unit(metric))


def _caption(results: "Results") -> list[str]:
    training = f"{results.training_in_words}, " if results.training_in_words else ""
    norm = training + (f"{results.norm} batch norm, " if results.norm else "")
    audit = stamps.in_words([results.audited])
    return [f"{norm}protocol {results.protocol.hash}", *([f"audit: {audit}"] if audit else [])]


def _rows(results: "Results") -> list[tuple[str, "Entry"]]:
    """Labels and entries of the headline metric, by inner step."""
    test, scored, name = results.test, results.protocol.scored_step, results.metric.name
    steps = [] if scored is None else sorted({*STEPS, scored})
    steps = [s for s in steps if f"{name}/step_{s}" in test]
    if scored is None or not steps:
        return [("test", test[name])]
    return [(_label(s, scored), test[f"{name}/step_{s}"]) for s in steps]


def _label(step: int, scored: int) -> str:
    label = "before" if step == 0 else f"after {step} step{'s' if step > 1 else ''}"
    return f"{label} (scored)" if step == scored else label


def table_of_data_sets(contents: Sequence[Mapping[str, object]]) -> Table:
    """One row for each data set that a learner was tested on.

    Arguments:
        contents: of their `results.json`.
    """
    from innerloop.evaluation import schema

    every = [schema.read(content) for content in contents]
    table = Table(title=cell(f"{every[0].algorithm}, trained on {every[0].training_set}"))
    for heading in ("test on", "metric", "mean", "95% over tasks", "tasks", "protocol"):
        table.add_column(heading)
    for results in every:
        entry, metric, protocol = results.headline, results.metric, results.protocol
        numbers = _mean(entry, metric), half_of(entry.ci95, metric), str(protocol.tasks)
        add_row(table, results.dataset, metric.name, *numbers, protocol.hash)
    return table


def show(results: Mapping[str, object]) -> None:
    """Prints the closing table."""
    terminal().print(closing_table(results))


def show_data_sets(contents: Sequence[Mapping[str, object]]) -> None:
    """Prints a table with one row for each data set."""
    terminal().print(table_of_data_sets(contents))
