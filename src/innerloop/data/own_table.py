"""A user's own task as a table: rows with an answer to adapt to, rows without one to answer."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError
from innerloop.tasks import Examples, Inputs

MOST = 2**28  #: bytes of a file

Row = dict[str, str]  #: a cell by the heading of its column


class OwnTask(NamedTuple):
    """A task of the user's rows, as a learner reads it.

    Arguments:
        support: rows with an answer.
        asked: the other rows.
        queries: their inputs.
        classes: names in the order of the labels; None where answers are numbers.
        zero: the number that an output of zero stands for.
    """

    support: Examples
    asked: list[Row]
    queries: Inputs
    classes: list[str] | None = None
    zero: float = 0.0


class Table(NamedTuple):
    """The rows of a file."""

    file: Path
    headings: list[str]
    rows: list[Row]

    def divided(self, answer: str) -> tuple[list[Row], list[Row]]:
        """The rows whose cell in the column of answers is filled, and those in which it is empty.

        Raises:
            UserError: without such a column, or without rows of one of the two kinds.
        """
        self.check_columns([answer])
        known = [row for row in self.rows if row[answer].strip()]
        asked = [row for row in self.rows if not row[answer].strip()]
        if not known or not asked:
            raise UserError(
                f"{self.file} has {len(known)} rows with a {answer} and {len(asked)} without: the "
                f"former are what the learner adapts to, the latter what it answers. Give both."
            )
        return known, asked

    def check_columns(self, needed: Sequence[str]) -> None:
        """Raises `UserError` unless the table has these columns."""
        if missing := [name for name in needed if name not in self.headings]:
            raise UserError(
                f"{self.file} has no column {', '.join(missing)}: it has "
                f"{', '.join(self.headings) or 'none'}. This data set reads {', '.join(needed)}."
            )

    def numbers(self, rows: Sequence[Row], columns: Sequence[str]) -> Tensor:
        """The cells of some columns, `(n, columns)` float32.

        Raises:
            UserError: names the first cell that is no finite number.
        """
        return torch.tensor([[self._number(row, name) for name in columns] for row in rows])

    def _number(self, row: Row, name: str) -> float:
        try:
            value = float(row[name])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UserError(f"{self.file}: {row[name]!r} in the column {name} is not a number.")
        return value


def class_task(table: Table, inputs: Callable[[list[Row]], Inputs]) -> OwnTask:
    """A task of the classes in the column `label`.

    Arguments:
        inputs: of so many rows, as the learner reads them.

    Raises:
        UserError: without such a column, or without rows to adapt to or to answer.
    """
    known, asked = table.divided("label")
    names = [row["label"].strip() for row in known]
    classes = sorted(set(names))
    labels = torch.tensor([classes.index(name) for name in names])
    return OwnTask(Examples(inputs(known), labels), asked, inputs(asked), classes)


def inputs_like(examples: Tensor, table: Table, rows: list[Row], columns: list[str]) -> Tensor:
    """The numbers of some columns in the shape and type of examples `(n, ...)`.

    Raises:
        UserError: if there are more columns or fewer than an example has numbers.
    """
    if len(columns) != (size := examples[0].numel()):
        raise UserError(f"{table.file} has {len(columns)} columns of inputs, and not {size}.")
    return table.numbers(rows, columns).reshape(-1, *examples.shape[1:]).to(examples.dtype)


def read(file: Path) -> Table:
    """The table of a CSV file with a line of headings.

    Raises:
        UserError: if it is missing or no such table.
    """
    try:
        text = regular_file(file, MOST).read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = [dict(row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} is not a CSV file in UTF-8 ({error}).") from error
    if any(None in row or None in row.values() for row in rows):
        raise UserError(f"{file}: a line has another number of cells than the first one.")
    return Table(file, list(reader.fieldnames or []), rows)
