"""A CSV log to which a resumed run appends; Lightning's deletes the rows before the pause."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loggers.logger import rank_zero_experiment
from torch import Tensor

from innerloop.dashboards.single import is_single, steps_done
from innerloop.machine.files import named, write_whole
from innerloop.machine.foreign import read_rows

LARGEST = 2**30  #: bytes of a log that is read; a run of several days writes a large one


class _AppendingWriter(ExperimentWriter):
    def save(self) -> None:
        with named(Path(self.metrics_file_path)):
            super().save()

    def _check_log_dir_exists(self) -> None:
        file = Path(self.metrics_file_path)
        if file.exists():
            self.metrics_keys = [*next(iter(_rows(file)), {})]

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        # Lightning empties the file first: a kill at that moment would lose the log.
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
    def experiment(self) -> ExperimentWriter:
        if not isinstance(self._experiment, _AppendingWriter):
            self._experiment = _AppendingWriter(self.log_dir)
        return self._experiment

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Tensor | float], step: int | None = None) -> None:
        """Logs metrics by outer steps done, without the epoch, which is always 0."""
        logged = {k: v for k, v in metrics.items() if k != "epoch"}
        super().log_metrics(logged, steps_done(logged, step))

    @rank_zero_only
    def sync(self) -> None:
        """Writes the log to the disk, before a checkpoint from which a run may resume."""
        if (Path(self.log_dir) / "metrics.csv").exists():
            with named(file := Path(self.log_dir) / "metrics.csv"), file.open("a") as opened:
                os.fsync(opened.fileno())

    @rank_zero_only
    def log_hyperparams(self, *args: object, **kwargs: object) -> None:
        """Does nothing: config.yaml in the same folder has them."""


@rank_zero_only
def rewind(folder: Path, step: int, validated: bool = True) -> None:
    """Removes the rows of `metrics.csv` that a resumed training writes again.

    For a training that starts at step 0 these are all rows: they belong to another run.

    Arguments:
        folder: the run's folder.
        step: outer steps done.
        validated: whether the validation after these steps is done, if there is one.
    """
    file = folder / "metrics.csv"
    if not file.exists():
        return
    remaining = [row for row in _rows(file) if _is_before(row, step, validated)]
    if remaining:
        _write(file, [*remaining[0]], remaining)
    else:
        file.unlink()


def _rows(file: Path) -> list[dict[str, str]]:
    """The complete rows: a kill may have cut the last one."""
    rows = read_rows(file, LARGEST)
    return [row for row in rows if None not in (*row, *row.values())]


def _is_before(row: dict[str, str], step: int, validated: bool) -> bool:
    if not row.get("step", "").isdigit() or int(row["step"]) > step or _is_of_test(row):
        return False
    repeated = not validated and int(row["step"]) == step
    return not (repeated and any(row[key] for key in row if key.startswith("val/")))


def _is_of_test(row: dict[str, str]) -> bool:
    return any(value and is_single(key) for key, value in row.items())


def _write(file: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, header)
    table.writeheader()
    table.writerows(rows)
    write_whole(file, text.getvalue())
