"""The learning curve of a run, from its `metrics.csv`."""

from pathlib import Path
from typing import NamedTuple

from innerloop.errors import UserError
from innerloop.machine.foreign import BadFile, read_rows, there
from innerloop.reporting.terminal import leave_out

Point = tuple[int, float]  #: outer steps done, and a metric
PARTS = ("val", "train")
LARGEST = 1e30  #: of a number in a chart; the axes must extend beyond it


class Paper(NamedTuple):
    """What a paper reports, in the unit of the metric."""

    value: float
    source: str


class Learning(NamedTuple):
    """The learning curve of a run.

    Arguments:
        points: of validation and training, by `PARTS`.
        steps: outer steps of the training.
        minutes: of the training; None if not known.
        paper: what is reported for the same setting; None if nothing is.
    """

    points: dict[str, list[Point]]
    steps: int
    minutes: float | None
    paper: Paper | None


def logged(folder: Path, metric: str) -> dict[str, list[Point]]:
    """The points of validation and of training; empty if the log cannot be read.

    Arguments:
        folder: of the run.
        metric: the name of the headline metric.
    """
    file = folder / "metrics.csv"
    try:
        rows = read_rows(file) if there(file) else []
        return {part: _column(file, rows, f"{part}/{metric}") for part in PARTS}
    except UserError as error:
        leave_out(f"curves: {error}")
        return {}


def _column(file: Path, rows: list[dict[str, str]], key: str) -> list[Point]:
    try:
        points = [(int(row["step"]), float(row[key])) for row in rows if row.get(key)]
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(file, f"has no numbers in step or {key}: {error}") from None
    return [point for point in points if max(map(abs, point)) < LARGEST]
