"""A replay as tables for the terminal and for a file."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.table import Table

from innerloop.inspection.trajectory import ALL, Step
from innerloop.machine.files import write_whole
from innerloop.objectives import Metric
from innerloop.reporting.beats import Beaten
from innerloop.reporting.terminal import cell

SHOWN = 5  #: inner steps in the terminal, before the last; the file has all of them


class Row(NamedTuple):
    """The columns of one step and layer; the losses are in the first row of a step."""

    step: int
    layer: str
    support_loss: float | None
    query_loss: float | None
    score: float | None
    gradient: float | None
    update: float | None


def rows(steps: list[Step]) -> Iterator[Row]:
    """A row for each step and layer."""
    for step in steps:
        for layer in step.gradients or [ALL]:
            first = layer == ALL
            yield Row(
                step=step.step,
                layer=layer,
                support_loss=step.support_loss if first else None,
                query_loss=step.query_loss if first else None,
                score=step.score if first else None,
                gradient=step.gradients.get(layer),
                update=step.updates.get(layer),
            )


def table(steps: list[Step], metric: str) -> Table:
    """The first steps and the last, a row for each layer."""
    title = "losses, norm of the support loss's gradient, norm of the step's update (float64)"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0, collapse_padding=True)
    for name in Row._fields:
        heading = f"query {metric}" if name == "score" else name.replace("_", " ")
        left = name in ("step", "layer")
        table.add_column(
            cell(heading), justify="left" if left else "right", no_wrap=name == "layer"
        )
    last = steps[-1].step
    for step, layer, *numbers in rows(steps):
        if layer == ALL and step:
            table.add_section()
        if step <= SHOWN or step == last:
            first = str(step) if layer == ALL else ""
            table.add_row(first, cell(layer), *["" if n is None else f"{n:.3g}" for n in numbers])
    return table


def write(path: Path, steps: list[Step]) -> Path:
    """Writes all rows to a CSV file, in full precision; returns the file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(Row._fields)
    writer.writerows(rows(steps))
    write_whole(path, text.getvalue())
    return path


def outer(losses: Iterable[tuple[int, float, float]]) -> Table:
    """The tasks of an outer step.

    Arguments:
        losses: index, meta-loss and norm of the meta-gradient of each task.
    """
    table = Table(title="tasks of the outer step, as training computes them")
    for heading in ("training task", "meta-loss", "meta-gradient"):
        table.add_column(heading, justify="right")
    for index, loss, gradient in losses:
        table.add_row(str(index), f"{loss:.4g}", f"{gradient:.4g}")
    return table


def beaten(metric: Metric, tasks: list[Beaten], names: tuple[str, str]) -> Table:
    """The tasks that `innerloop.reporting.beats` finds.

    Arguments:
        names: of the better run and of the other.
    """
    title = f"test tasks where {names[0]} beats {names[1]} most, by {metric.name}"
    table = Table(title=cell(title))
    for heading in ("task", "A", "B", "A - B"):
        table.add_column(heading, justify="right")
    for task, first, second in tasks:
        table.add_row(str(task), f"{first:.4g}", f"{second:.4g}", f"{first - second:.4g}")
    return table
