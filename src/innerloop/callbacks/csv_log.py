"""A CSV log that a resumed run appends to; Lightning's deletes the file of the first part."""

import csv
import io
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.loggers.logger import rank_zero_experiment

from innerloop.files import whole_file


class _AppendingWriter(ExperimentWriter):
    def _check_log_dir_exists(self) -> None:
        file = Path(self.metrics_file_path)
        if file.exists():
            with file.open(newline="") as lines:
                self.metrics_keys = next(csv.reader(lines), [])


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
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml beside the log has them."""


@rank_zero_only
def rewind(folder: Path, step: int) -> None:
    """Drops the rows of `metrics.csv` from `step` on, which a training that goes on writes again.

    A training that starts drops them all: they are another run's.
    """
    file = folder / "metrics.csv"
    if not file.exists():
        return
    with file.open(newline="") as lines:
        header, *rows = [*csv.reader(lines)] or [[]]
    # A kill may have cut the last row.
    whole = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
    kept = [row for row in whole if row.get("step", "").isdigit() and int(row["step"]) < step]
    if not kept:
        file.unlink()
        return
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, header)
    table.writeheader()
    table.writerows(kept)
    with whole_file(file) as target:
        target.write(text.getvalue().encode())
