"""DaISy: input and output records of industrial plants (De Moor et al. 1997)."""

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from innerloop.data import linear
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.records import Record, Records
from innerloop.errors import UserError, one_line
from innerloop.tasks import Task

Read = TypeVar("Read")
LAGS = 3  #: earlier inputs and outputs of the plant from which the next output is predicted
MOST = 2**28  #: bytes of the file
PLANTS = {  #: of each split, with their columns: time t, inputs u, outputs y
    "train": {
        "ballbeam": "uy", "CD_player_arm": "uuyy", "cstr": "tuyy", "dryer": "uy",
        "dryer2": "tuuuyyy", "evaporator": "uuuyyy", "glassfurnace": "tuuuyyyyyy",
        "heating_system": "tuy", "robot_arm": "uy",
    },
    "val": {"exchanger": "tuy", "pHdata": "tuuy"},
    "test": {
        "flutter": "uy", "steamgen": "tuuuuyyyy", "thermic_res_wall": "uuy", "winding": "uuuuuyy",
    },
}  # fmt: skip


class Daisy(Records):
    """A task is a stretch of one input and one output of a plant: what is the next output?

    The inputs of the learner are the last three outputs and inputs of the plant, its target is the
    change of the output. Every signal is in units of its plant: mean 0 and deviation 1 over the
    whole record, as one knows the range of a sensor. The splits have different plants.

    Arguments:
        data_dir: folder of all data sets; it holds `control/daisy/daisy.npz`, an array of rows by
            columns for each plant, or `daisy/NAME.dat`, the files of the publisher.

    References:
        De Moor, De Gersem, De Schutter and Favoreel, "DAISY: a database for identification of
        systems", Journal A 38, 1997.
    """

    quantity = "change of the output (its deviations)"

    def __init__(self, data_dir: str) -> None:
        self.folder = Path(data_dir)

    def load(self) -> Mapping[str, list[Record]]:
        tables = self._tables()
        return {
            split: [
                record
                for name, columns in plants.items()
                for record in _pairs(name, columns, tables[name])
            ]
            for split, plants in PLANTS.items()
        }

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {
            "mean of the support": linear.mean_of_support,
            "no change": lambda task: torch.zeros_like(task.query.targets),
            "ARX by least squares": linear.ridge_of_support(1e-6),
            "ARX by ridge": linear.ridge_of_support(1.0),
        }

    def _tables(self) -> dict[str, np.ndarray]:
        """The rows of each plant, `(n, columns)`."""
        archive = self.folder / "control" / "daisy" / "daisy.npz"
        names = [name for plants in PLANTS.values() for name in plants]
        if archive.exists():
            return _read(archive, lambda file: _of_archive(file, names))
        files = {name: self.folder / "daisy" / f"{name}.dat" for name in names}
        missing = [file for file in files.values() if not file.exists()]
        if missing:
            raise UserError(
                f"{missing[0]} is not there: get the .dat files of "
                f"https://homes.esat.kuleuven.be/~smc/daisy/daisydata.html and put them there."
            )
        return {name: _read(file, _of_table) for name, file in files.items()}


def _pairs(name: str, columns: str, table: np.ndarray) -> list[Record]:
    """A record for each pair of an input and an output of a plant."""
    if table.ndim != 2 or table.shape[1] != len(columns) or not np.isfinite(table).all():
        raise UserError(
            f"The plant {name} has the shape {table.shape}, not {len(columns)} columns of numbers."
        )
    inputs, outputs = ([i for i, c in enumerate(columns) if c == kind] for kind in "uy")
    return [
        _lagged(f"{name} {i}-{o}", table[:, i], table[:, o]) for i, o in product(inputs, outputs)
    ]


def _lagged(name: str, u: np.ndarray, y: np.ndarray) -> Record:
    """Rows of the last outputs and inputs, newest first, and the change of the output."""
    u, y = _in_units(u), _in_units(y)
    columns = [signal[LAGS - k : len(signal) - k] for signal in (y, u) for k in range(1, LAGS + 1)]
    rows = np.stack(columns, 1)
    return Record(name, rows.astype(np.float32), np.diff(y)[LAGS - 1 :, None].astype(np.float32))


def _in_units(signal: np.ndarray) -> np.ndarray:
    return (signal - signal.mean()) / max(signal.std(), 1e-12)


def _of_archive(file: Path, names: list[str]) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as content:
        return {name: content[name].astype(np.float64) for name in names}


def _of_table(file: Path) -> np.ndarray:
    if not file.stat().st_size:
        raise ValueError("it is empty")
    return np.loadtxt(file)


def _read(file: Path, read: Callable[[Path], Read]) -> Read:
    try:
        return read(regular_file(file, MOST))
    except UserError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"{file} is not a record of DaISy ({one_line(error, 120)}): replace it."
        ) from error
