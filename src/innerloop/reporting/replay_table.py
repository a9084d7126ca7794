"""A replay as tables: on the screen, and as rows for a file."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from innerloop.inspection.trajectory import ALL, Step
from innerloop.machine.files import write_whole
from innerloop.objectives import Metric
from innerloop.reporting.beats import Beaten
from innerloop.reporting.terminal import cell

SHOWN = 5  #: inner steps on the screen, before the last; the file has them all
COLUMNS = ("step", "layer", "support loss", "query loss", "score", "gradient", "update")


def rows(steps: list[Step]) -> Iterator[list[Any]]:
    """`COLUMNS` for each step and layer; losses in the first row of a step."""
    for step in steps:
        layers: dict[str, Any] = step.gradients or {ALL: None}
        for layer, gradient in layers.items():
            losses = (step.support_loss, step.query_loss, step.score)
            shown = losses if layer == ALL else (None, None, None)
            yield [step.step, layer, *shown, gradient, step.updates.get(layer)]


def table(steps: list[Step], metric: str) -> Table:
    """The first steps and the last, a row for each layer."""
    title = "losses, norm of the support loss's gradient, norm of the step's update (float64)"
    made = Table(title=title, box=box.SIMPLE_HEAD, padding=0, collapse_padding=True)
    for heading in COLUMNS:
        heading = f"query {metric}" if heading == "score" else heading
        left = heading in ("step", "layer")
        made.add_column(
            cell(heading), justify="left" if left else "right", no_wrap=heading == "layer"
        )
    last = steps[-1].step
    for row in rows(steps):
        step, layer, *numbers = row
        if layer == ALL and step:
            made.add_section()
        if step <= SHOWN or step == last:
            first = str(step) if layer == ALL else ""
            made.add_row(first, cell(layer), *["" if n is None else f"{n:.3g}" for n in numbers])
    return made


def write(path: Path, steps: list[Step]) -> Path:
    """All rows, in full precision."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([c.replace(" ", "_") for c in COLUMNS])
    writer.writerows(rows(steps))
    write_whole(path, text.getvalue())
    return path


def outer(losses: Iterable[tuple[int, float, float]]) -> Table:
    """Index, meta-loss and norm of the meta-gradient of an outer step's tasks."""
    made = Table(title="tasks of the outer step, as training computes them")
    for heading in ("training task", "meta-loss", "meta-gradient"):
        made.add_column(heading, justify="right")
    for index, loss, gradient in losses:
        made.add_row(str(index), f"{loss:.4g}", f"{gradient:.4g}")
    return made


def beaten(metric: Metric, found: list[Beaten], names: tuple[str, str]) -> Table:
    """The tasks of `innerloop.reporting.beats`."""
    title = f"test tasks where {names[0]} beats {names[1]} most, by {metric.name}"
    made = Table(title=cell(title))
    for heading in ("task", "A", "B", "A - B"):
        made.add_column(heading, justify="right")
    for task, first, second in found:
        made.add_row(str(task), f"{first:.4g}", f"{second:.4g}", f"{first - second:.4g}")
    return made
