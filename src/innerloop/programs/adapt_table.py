"""adapt.py with table=: adapts a trained learner to a user's own table and fills in its answers."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field
from torch import Tensor

from innerloop.data import own_table
from innerloop.data.own_table import OwnTask, Table
from innerloop.experiment import notices
from innerloop.experiment.trained import load
from innerloop.machine.files import write_whole
from innerloop.programs.answers import TABLE
from innerloop.programs.prediction import predict
from innerloop.programs.settings import check_out, for_classes, new_or_given, steps_of
from innerloop.startup.arguments import Arguments, Flag, Folder


class TableArguments(Arguments):
    """Arguments of adapt.py for a table."""

    ckpt_path: Annotated[str, Field(description="a run's folder, or a .ckpt file")]
    table: Annotated[Path, Field(description="a CSV file")]
    steps: Annotated[int | None, Field(description="a whole number, 0 or more", ge=0)] = None
    out: Folder | None = None
    trust: Flag = False


def run(words: Sequence[str]) -> None:
    """Adapts a learner to the rows with an answer, and writes the answers of the others.

    Arguments:
        words: the command line, such as `table=FILE.csv`.

    Raises:
        UserError: for unknown words, and for tables that the learner cannot read.
    """
    given = TableArguments.parse(words)
    check_out(given.out)
    table = own_table.read(given.table.expanduser())
    trained = load(given.ckpt_path, trust=given.trust)
    name = f"{trained.config.names.algorithm} of {given.ckpt_path}"
    trained.source.prepare()
    task = trained.source.own_task(table)
    if task.classes is not None:
        trained = for_classes(trained, len(task.classes), given.ckpt_path, given.trust, name)
    steps = steps_of(given.steps, trained, name)
    _, outputs = predict(trained, task.support, task.queries, steps)
    rows = len(task.support.targets)
    notices.say(f"{name} adapted to {rows} rows and answered {len(outputs)}")
    file = new_or_given(given.out) / TABLE
    write_whole(file, filled(table, task, outputs))
    notices.say(f"predictions {file}")


def filled(table: Table, task: OwnTask, outputs: Tensor) -> str:
    """The rows without an answer as CSV, with `predicted` columns after those of the user."""
    if task.classes is None:
        shown = [[f"{v + task.zero:.6g}" for v in row] for row in outputs.tolist()]
        headings = ["predicted", *[f"predicted {i}" for i in range(2, outputs.shape[1] + 1)]]
    else:
        shares = outputs.softmax(-1)
        names = [task.classes[i] for i in shares.argmax(-1).tolist()]
        shown = [[n, *[f"{v:.6f}" for v in row]]
                 for n, row in zip(names, shares.tolist(), strict=True)]  # fmt: skip
        headings = ["predicted", *[f"confidence {name}" for name in task.classes]]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*table.headings, *headings])
    for row, answer in zip(task.asked, shown, strict=True):
        writer.writerow([*row.values(), *answer])
    return text.getvalue()
