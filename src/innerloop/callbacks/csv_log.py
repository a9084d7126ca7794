"""A CSV log that a resumed run appends to; Lightning's deletes the file of the first part."""

import csv
import io
import os
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loggers.logger import rank_zero_experiment

from innerloop.machine.files import named, write_whole
from innerloop.machine.foreign import read_rows

LARGEST = 2**30  #: bytes of a log, to which a long run adds for days


class _AppendingWriter(ExperimentWriter):
    def save(self) -> None:
        with named(Path(self.metrics_file_path)):
            super().save()

    def _check_log_dir_exists(self) -> None:
        file = Path(self.metrics_file_path)
        if file.exists():
            self.metrics_keys = [*next(iter(_rows(file)), {})]

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        # Lightning's empties the file first: a kill there would take the log so far with it.
        file = Path(self.metrics_file_path)
        _write(file, fieldnames, _rows(file))


class CSVLog(CSVLogger):
    """`metrics.csv` in a run's folder.

    Arguments:
        folder: the run's folder.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, name="", version="", flush_logs_every_n_steps=1)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            self._experiment = _AppendingWriter(self.log_dir)
        return self._experiment

    @rank_zero_only
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Metrics at an outer step; the epoch, always 0, is left out."""
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch"}, step)

    @rank_zero_only
    def sync(self) -> None:
        """Has the log so far on the disk, before a checkpoint that goes on from here."""
        if (Path(self.log_dir) / "metrics.csv").exists():
            with named(file := Path(self.log_dir) / "metrics.csv"), file.open("a") as opened:
                os.fsync(opened.fileno())

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml beside the log has them."""


@rank_zero_only
def rewind(folder: Path, step: int, validated: bool = True) -> None:
    """Drops the rows of `metrics.csv` that a training that goes on writes again.

    A training that starts drops them all: they are another run's.

    Arguments:
        step: outer steps done.
        validated: whether the validation after them is, if there was one.
    """
    file = folder / "metrics.csv"
    if not file.exists():
        return
    kept = [row for row in _rows(file) if _is_before(row, step, validated)]
    if kept:
        _write(file, [*kept[0]], kept)
    else:
        file.unlink()


def _rows(file: Path) -> list[dict[str, str]]:
    """The rows that are whole: a kill may have cut the last one."""
    rows = read_rows(file, LARGEST)
    return [row for row in rows if None not in (*row, *row.values())]


def _is_before(row: dict[str, str], step: int, validated: bool) -> bool:
    if not row.get("step", "").isdigit() or int(row["step"]) >= step:
        return False
    repeated = not validated and int(row["step"]) == step - 1
    return not (repeated and any(row[key] for key in row if key.startswith("val/")))


def _write(file: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, header)
    table.writeheader()
    table.writerows(rows)
    write_whole(file, text.getvalue())
