"""The patients of the PhysioNet challenge of 2012 (Silva et al.), from the publisher's files."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError, one_line

ARCHIVES = ("physionet2012/physionet2012_ac.npz", "patients/physionet2012_ac.npz")
FOLDER, SETS = "physionet2012", ("a", "c")  #: Outcomes-a.txt, set-a/132539.txt and so on
VARIABLES = (
    "Age", "Gender", "Height", "Weight", "GCS", "HR", "NIDiasABP", "NIMAP", "NISysABP", "RespRate",
    "Temp", "Urine", "HCT", "BUN", "Creatinine", "Glucose", "HCO3", "Mg", "Platelets", "K", "Na",
    "WBC", "pH", "PaCO2", "PaO2", "DiasABP", "FiO2", "MAP", "MechVent", "SysABP", "SaO2", "Albumin",
    "ALP", "ALT", "AST", "Bilirubin", "Lactate", "Cholesterol", "TroponinI", "TroponinT", "ICUType",
)  # fmt: skip
MOST = 2**27  #: bytes of a file
SCORE, DEATH = "SAPS-I", "In-hospital_death"


class Patients(NamedTuple):
    """Patients, and what was measured of them: a row for each value.

    Arguments:
        number: the publisher's number of each patient, `(n,)`.
        group: `a` or `c`, `(n,)`.
        score: SAPS-I on the first day, -1 if unknown, `(n,)`.
        died: in hospital, `(n,)` bool.
        patient, minute, variable, value: of each row; the first counts patients from 0, and the
            third is the place in `VARIABLES`. Rows are in the order of patients, then of time.
    """

    number: np.ndarray
    group: np.ndarray
    score: np.ndarray
    died: np.ndarray
    patient: np.ndarray
    minute: np.ndarray
    variable: np.ndarray
    value: np.ndarray


def load(folder: Path) -> Patients:
    """The patients of the sets a and c.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if files are missing or damaged.
    """
    archive = next((folder / name for name in ARCHIVES if (folder / name).exists()), None)
    tables = [folder / FOLDER / f"Outcomes-{name}.txt" for name in SETS]
    missing = [file for file in tables if not file.exists()]
    if archive is None and missing:
        raise UserError(
            f"{missing[0]} is not there: get set-a, set-c and their outcomes from "
            f"https://physionet.org/content/challenge-2012 and unpack them in {folder / FOLDER}."
        )
    try:
        return _checked(_of_archive(archive) if archive else _of_tables(tables))
    except UserError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"{archive or tables[0].parent} is not the PhysioNet challenge of 2012 "
            f"({one_line(error, 120)}): replace it."
        ) from error


def _checked(patients: Patients) -> Patients:
    if not np.isfinite(patients.value).all() or set(patients.group) != set(SETS):
        raise ValueError("values are missing, or one of the two sets")
    order = np.lexsort((patients.minute, patients.patient))
    return patients._replace(
        **{name: getattr(patients, name)[order] for name in Patients._fields[4:]}
    )


def _of_archive(file: Path) -> Patients:
    with np.load(regular_file(file, MOST), allow_pickle=False) as content:
        column = dict(zip(content["outcome_columns"].tolist(), content["outcome"].T, strict=True))
        places = [VARIABLES.index(name) for name in content["variables"].tolist()]
        return Patients(
            number=content["record_id"].astype(np.int64),
            group=np.array([chr(own) for own in column["set"].tolist()]),
            score=column[SCORE],
            died=column[DEATH] == 1,
            patient=content["row_patient"].astype(np.int64),
            minute=content["row_minute"].astype(np.int64),
            variable=np.array(places)[content["row_variable"]],
            value=content["row_value"].astype(np.float32),
        )


def _of_tables(tables: list[Path]) -> Patients:
    rows = [
        (name, row)
        for name, table in zip(SETS, tables, strict=True)
        for row in csv.DictReader(regular_file(table, MOST).read_text().splitlines())
    ]
    files = [tables[0].parent / f"set-{name}" / f"{row['RecordID']}.txt" for name, row in rows]
    measured = [(place, *own) for place, file in enumerate(files) for own in _measurements(file)]
    patient, minute, variable, value = zip(*measured, strict=True)
    return Patients(
        number=np.array([int(row["RecordID"]) for _, row in rows]),
        group=np.array([name for name, _ in rows]),
        score=np.array([int(row[SCORE]) for _, row in rows]),
        died=np.array([int(row[DEATH]) == 1 for _, row in rows]),
        patient=np.array(patient),
        minute=np.array(minute),
        variable=np.array(variable),
        value=np.array(value, np.float32),
    )


def _measurements(file: Path) -> Iterator[tuple[int, int, float]]:
    """Minute, variable and value of every row of a patient's file."""
    for row in csv.DictReader(regular_file(file, MOST).read_text().splitlines()):
        if row["Parameter"] in VARIABLES:
            hours, minutes = row["Time"].split(":")
            place = VARIABLES.index(row["Parameter"])
            yield 60 * int(hours) + int(minutes), place, float(row["Value"])
