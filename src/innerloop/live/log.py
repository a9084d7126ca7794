"""`metrics.csv` of a run, of which only new rows are read."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

from innerloop.errors import UserError
from innerloop.machine.foreign import read_bytes

LARGEST = 2**26  #: bytes of a log; a longer one is not shown
KEPT = 200  #: bytes by which the part that was read is recognised
OTHERS = ("loss", "rate", "tasks_per_second", "skipped")  #: of `train/`, besides the metric
Row = dict[str, float]  #: numbers by name; empty cells are left out


class Point(NamedTuple):
    """A logged value.

    Arguments:
        step: outer steps done.
        minutes: of training so far, without validation; from the tasks per second.
        value: may be NaN.
    """

    step: int
    minutes: float
    value: float


class Log:
    """The rows so far.

    Arguments:
        file: `metrics.csv`, which may not exist yet.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: list[Row] = []
        self._read, self._end = 0, b""  # bytes that are read, and the last of them
        self._header = b""

    def update(self) -> None:
        """Reads what was appended; a log with a new header, or a shorter one, is read anew."""
        try:
            content = read_bytes(self.file, LARGEST)
        except UserError:
            content = b""
        header = content[: content.find(b"\n") + 1]
        if header != self._header or not content[: self._read].endswith(self._end):
            self._header, self._read, self.rows = header, len(header), []
        complete = content.rfind(b"\n") + 1  # a row that is being written waits
        text = (header + content[self._read : complete]).decode(errors="replace")
        self.rows += [_numbers(row) for row in csv.DictReader(text.splitlines())]
        self._read, self._end = complete, content[:complete][-KEPT:]

    @property
    def step(self) -> int:
        """Outer steps done."""
        trained = (row["step"] for row in self.rows if "train/tasks_per_second" in row)
        return int(max(trained, default=0.0))

    @property
    def metric(self) -> str:
        """The headline metric: what is logged in training besides the loss."""
        logged = [key for row in self.rows[:1] for key in row if key.startswith("train/")]
        names = [key.removeprefix("train/") for key in logged if not key.endswith("_before")]
        own = [name for name in names if name not in OTHERS]
        return own[0] if own else "loss"

    def last(self, key: str) -> float | None:
        """The last value of a column."""
        return next((row[key] for row in reversed(self.rows) if key in row), None)

    def pause(self, tasks: int) -> float | None:
        """Seconds of training between the last two rows of it; None if not known.

        Arguments:
            tasks: of an outer step.
        """
        minutes = [point.minutes for point in self.points("train/tasks_per_second", tasks)[-2:]]
        return 60 * (minutes[1] - minutes[0]) if len(minutes) == 2 else None

    def points(self, key: str, tasks: int) -> list[Point]:
        """A column's values, without those of the test.

        Arguments:
            tasks: of an outer step.
        """
        points, minutes, done = [], 0.0, 0
        for row in self.rows:
            step, speed = int(row.get("step", 0)), row.get("train/tasks_per_second", 0.0)
            if speed > 0 and step > done:
                minutes, done = minutes + (step - done) * tasks / speed / 60, step
            if key in row:
                points.append(Point(step, minutes, row[key]))
        return points


def _numbers(row: dict[str, str]) -> Row:
    numbers = {}
    for key, text in row.items():
        try:
            numbers[key] = float(text)
        except (TypeError, ValueError):  # an empty cell, or a damaged one
            continue
    step = numbers.get("step", math.nan)
    return numbers if math.isfinite(step) and abs(step) < 2**53 else {}
