"""Parkinson's telemonitoring: voices and symptom scores of 42 patients (Tsanas et al. 2010)."""

import csv
import gzip
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from innerloop.data import linear
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.records import Record, Records
from innerloop.errors import UserError, one_line
from innerloop.tasks import Task

FILES = (  #: where the table may be, below the folder of all data sets
    "parkinsons/parkinsons_updrs.data", "parkinsons/parkinsons_updrs.csv",
    "patients/parkinsons_updrs.csv.gz",
)  # fmt: skip
SUBJECT, TIME, TARGET = "subject#", "test_time", "total_UPDRS"
LEFT_OUT = (SUBJECT, TIME, TARGET, "motor_UPDRS")  #: no input, or not in this place
MOST = 2**26  #: bytes of the table
SPLITS = {0: "test", 3: "test", 5: "val"}  #: by the number of the patient modulo 7; else training


class Parkinsons(Records):
    """A task is a patient: the first recordings to adapt to, later symptom scores to predict.

    Inputs are the time in days, age, sex, and 16 measures of the voice; the target is the total
    score of the UPDRS scale minus the last one of the task's support. 24 patients are for training,
    6 for validation and 12 for the test.

    The scores are interpolated between three visits to a clinic, as the publisher states: they are
    smooth in time, and a regression on time alone is a baseline that must be taken seriously.

    Arguments:
        data_dir: folder of all data sets; it holds `parkinsons/parkinsons_updrs.data`.

    References:
        Tsanas, Little, McSharry and Ramig, "Accurate telemonitoring of Parkinson's disease
        progression by noninvasive speech tests", 2010.
    """

    quantity = "total UPDRS minus the last known (points)"

    def __init__(self, data_dir: str) -> None:
        self.folder = Path(data_dir)

    def load(self) -> Mapping[str, list[Record]]:
        splits: dict[str, list[Record]] = {"train": [], "val": [], "test": []}
        for number, rows in sorted(self._patients().items()):
            rows.sort(key=lambda row: float(row[TIME]))
            inputs = [TIME, *[name for name in rows[0] if name not in LEFT_OUT]]
            values = np.array([[float(row[name]) for name in inputs] for row in rows], np.float32)
            scores = np.array([[float(row[TARGET])] for row in rows], np.float32)
            record = Record(f"patient {number}", values, scores)
            splits[SPLITS.get(number % 7, "train")].append(record)
        return splits

    def scaled(
        self, inputs: np.ndarray, targets: np.ndarray, shots: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return inputs, targets - targets[shots - 1]

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {
            "the patient's mean": linear.mean_of_support,
            "the patient's last score": linear.last_of_support,
            "the patient's regression on time": linear.ridge_of_support(1e-6, [0]),
            "the patient's regression on all inputs": linear.ridge_of_support(1.0),
            "regression over other patients, own offset": linear.pooled_ridge(
                self.records["train"]
            ),
        }

    def _patients(self) -> dict[int, list[dict[str, str]]]:
        """The rows of each patient."""
        files = [self.folder / name for name in FILES]
        file = next((file for file in files if file.exists()), None)
        if file is None:
            raise UserError(
                f"{files[0]} is not there: put the file parkinsons_updrs.data of "
                "https://archive.ics.uci.edu/dataset/189/parkinsons+telemonitoring there."
            )
        try:
            return _by_patient(regular_file(file, MOST))
        except UserError:
            raise
        except Exception as error:  # a damaged file can raise nearly anything
            raise UserError(
                f"{file} is not the table of the Parkinson's telemonitoring data "
                f"({one_line(error, 120)}): replace it."
            ) from error


def _by_patient(file: Path) -> dict[int, list[dict[str, str]]]:
    content = file.read_bytes()
    text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    patients: dict[int, list[dict[str, str]]] = {}
    for row in rows:
        if None in row.values() or not np.isfinite([float(cell) for cell in row.values()]).all():
            raise ValueError("a cell is missing")
        patients.setdefault(int(row[SUBJECT]), []).append(row)
    if len(patients) != 42 or TARGET not in rows[0]:
        raise ValueError(f"it has {len(patients)} patients")
    return patients
