"""`metrics.csv` of a run, of which only new rows are read and counted."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

from innerloop.errors import UserError
from innerloop.machine.foreign import opened

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
    """What was logged so far.

    Arguments:
        file: `metrics.csv`, which may not exist yet.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._begin(b"")

    def _begin(self, header: bytes) -> None:
        self._header, self._end, self._read = header, header[-KEPT:], len(header)
        self.count = 0  #: rows
        self.step = 0  #: outer steps done
        self.fault = ""  #: the first value of training or validation that is NaN or infinite
        self._first: Row = {}
        self._minutes = 0.0  # of training, if an outer step had one task
        self._columns: dict[str, list[Point]] = {}

    def update(self) -> None:
        """Reads what was appended; a log with a new header, or a shorter one, is read anew."""
        try:
            with opened(self.file, LARGEST) as stream:
                line = stream.readline()
                header = line if line.endswith(b"\n") else b""
                stream.seek(self._read - len(self._end))
                content = stream.read()
                if header != self._header or not content.startswith(self._end):
                    self._begin(header)
                    stream.seek(len(header))
                    content = self._end + stream.read()
        except UserError:
            return self._begin(b"")
        self._append(content[len(self._end) :])

    def _append(self, content: bytes) -> None:
        complete = content[: content.rfind(b"\n") + 1]  # a row that is being written waits
        self._read, self._end = self._read + len(complete), (self._end + complete)[-KEPT:]
        text = (self._header + complete).decode(errors="replace")
        for row in map(_numbers, csv.DictReader(text.splitlines())):
            if row:
                self._count(row)

    def _count(self, row: Row) -> None:
        step, speed = int(row.get("step", 0)), row.get("train/tasks_per_second", 0.0)
        if speed > 0 and step > self.step:
            self._minutes += (step - self.step) / speed / 60
        if "train/tasks_per_second" in row:
            self.step = max(self.step, step)
        self._first, self.count = self._first or row, self.count + 1
        for key, value in row.items():
            self._columns.setdefault(key, []).append(Point(step, self._minutes, value))
            if not self.fault and _is_fault(key, value):
                self.fault = f"{key} is {value} at step {step}"

    @property
    def metric(self) -> str:
        """The headline metric: what is logged in training besides the loss."""
        logged = [key for key in self._first if key.startswith("train/")]
        names = [key.removeprefix("train/") for key in logged if not key.endswith("_before")]
        own = [name for name in names if name not in OTHERS]
        return own[0] if own else "loss"

    def last(self, key: str) -> float | None:
        """The last value of a column."""
        column = self._columns.get(key)
        return column[-1].value if column else None

    def pause(self, tasks: int) -> float | None:
        """Seconds of training between the last two rows of it; None if not known.

        Arguments:
            tasks: of an outer step.
        """
        column = self._columns.get("train/tasks_per_second", [])
        return 60 * tasks * (column[-1].minutes - column[-2].minutes) if len(column) > 1 else None

    def values(self, key: str, most: int) -> list[float]:
        """The last values of a column, at most so many."""
        return [point.value for point in self._columns.get(key, [])[-most:]]

    def points(self, key: str, tasks: int, most: int) -> list[Point]:
        """A column's values, evenly thinned to at most so many, the last one among them.

        Arguments:
            tasks: of an outer step.
        """
        column = self._columns.get(key, [])
        every = math.ceil(len(column) / most) or 1
        kept = column[::-every][::-1]
        return [Point(step, tasks * minutes, value) for step, minutes, value in kept]


def _is_fault(key: str, value: float) -> bool:
    if not key.startswith(("train/", "val/")) or key.endswith(("tasks_per_second", "_before")):
        return False
    return not math.isfinite(value)


def _numbers(row: dict[str, str]) -> Row:
    numbers = {}
    for key, text in row.items():
        try:
            numbers[key] = float(text)
        except (TypeError, ValueError):  # an empty cell, or a damaged one
            continue
    step = numbers.get("step", math.nan)
    return numbers if math.isfinite(step) and abs(step) < 2**53 else {}
