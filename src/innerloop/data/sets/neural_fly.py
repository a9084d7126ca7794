"""Neural-Fly: the force of wind on a flying quadrotor (O'Connell et al. 2022)."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from innerloop.data import linear
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.records import Record, Records
from innerloop.errors import UserError, one_line
from innerloop.tasks import Task

WINDS = ("nowind", "35wind", "70wind", "70p20sint", "100wind")  #: 0, 4.2, 8.5, 8.5 ± 2.4, 12.1 m/s
CONTROLLERS = ("baseline", "indi", "L1", "NF", "NF-C", "NF-T")
FIELDS = {"v": 3, "q": 4, "T_sp": 1, "hover_throttle": 1, "pwm": 4}  #: inputs and their widths
MOST = 2**28  #: bytes of a flight


class NeuralFly(Records):
    """A task is a flight: two seconds of it (100 rows) to adapt to, and the rest to predict.

    The inputs are velocity, attitude, thrust and motor commands; the target is the residual force
    in the three directions. All flights in one wind are for the test, and those in another for
    validation: the strongest wind that is left.

    Arguments:
        data_dir: folder of all data sets; the flights are in `neural-fly`, one file for each.
        held_out: the wind of the test.

    References:
        O'Connell, Shi, Shi, Azizzadenesheli, Anandkumar, Yue and Chung, "Neural-Fly enables rapid
        learning for agile flight in strong winds", 2022.

    Deviations: the paper trains on flights that were recorded for training, with random
    trajectories, and tests in closed loop; here all flights are those of its experiment.

    Raises:
        UserError: for an unknown wind.
    """

    quantity = "residual force in x (N)"

    def __init__(self, data_dir: str, held_out: str = "100wind") -> None:
        if held_out not in WINDS:
            raise UserError(f"dataset.held_out={held_out}: choose {', '.join(WINDS)}.")
        self.folder, self.held_out = Path(data_dir) / "neural-fly", held_out

    def load(self) -> Mapping[str, list[Record]]:
        *train, validation = [wind for wind in WINDS if wind != self.held_out]
        winds = {"train": train, "val": [validation], "test": [self.held_out]}
        return {
            split: [self._flight(name, wind) for wind in own for name in CONTROLLERS]
            for split, own in winds.items()
        }

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {
            "mean of the support": linear.mean_of_support,
            "ridge on the support": linear.ridge_of_support(10.0),
            "linear over the other winds, own offset": linear.pooled_ridge(self.records["train"]),
        }

    def _flight(self, controller: str, wind: str) -> Record:
        name = f"custom_figure8_{controller}_{wind}"
        for ending, read in ((".npz", _of_archive), (".csv", _of_table)):
            if (file := self.folder / f"{name}{ending}").exists():
                return _checked(file, read)
        raise UserError(
            f"{self.folder / name}.csv is not there. Neural-Fly's flights may not be passed on: "
            "get https://github.com/aerorobotics/neural-fly and put the files of its folder "
            f"data/experiment into {self.folder}."
        )


def _checked(file: Path, read: Callable[[Path], dict[str, np.ndarray]]) -> Record:
    """The record of a flight; raises `UserError` for a damaged file."""
    try:
        columns = read(regular_file(file, MOST))
        parts = [_column(columns[name], width) for name, width in FIELDS.items()]
        inputs, force = np.concatenate(parts, 1), _column(columns["fa"], 3)
        if len(inputs) != len(force) or not np.isfinite(inputs).all() & np.isfinite(force).all():
            raise ValueError("columns of different lengths, or numbers that are not finite")
    except UserError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"{file} is not a flight of Neural-Fly ({one_line(error, 120)}): replace it."
        ) from error
    return Record(file.stem, inputs, force)


def _column(values: np.ndarray, width: int) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(len(values), width)


def _of_archive(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as content:
        return {name: content[name] for name in (*FIELDS, "fa")}


def _of_table(file: Path) -> dict[str, np.ndarray]:
    """The publisher's CSV, in which a cell with several numbers reads `"[1.0, 2.0]"`."""
    import csv
    import json

    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {
        name: np.array([json.loads(row[name].replace("\n", " ")) for row in rows], np.float32)
        for name in (*FIELDS, "fa")
    }
