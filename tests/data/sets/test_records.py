"""Flights, plants and patients: what a task holds, what the splits share, and damaged files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data import damage
from data.real import beside

from innerloop.data import linear
from innerloop.data.records import Record, Records
from innerloop.data.sets.daisy import LAGS, PLANTS, Daisy
from innerloop.data.sets.neural_fly import CONTROLLERS, FIELDS, WINDS, NeuralFly
from innerloop.data.sets.parkinsons import Parkinsons
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task

EPISODE = Episode(1, 5, 7)
ROWS = 40


def flights(folder: Path, as_table: bool = False) -> None:
    """Flights whose force in x is the row's number, so that rows can be recognised."""
    (folder / "neural-fly").mkdir(parents=True)
    for wind in WINDS:
        for name in CONTROLLERS:
            rng = np.random.default_rng([WINDS.index(wind), CONTROLLERS.index(name)])
            values = {k: rng.normal(size=(ROWS, n)).astype(np.float32) for k, n in FIELDS.items()}
            values["fa"] = np.tile(np.arange(ROWS, dtype=np.float32)[:, None], 3)
            file = folder / "neural-fly" / f"custom_figure8_{name}_{wind}"
            if not as_table:
                np.savez(file.with_suffix(".npz"), **values)
                continue
            with file.with_suffix(".csv").open("w", newline="") as stream:
                table = csv.writer(stream)
                table.writerow(values)
                for row in range(ROWS):
                    cells = [v[row].tolist() for v in values.values()]
                    table.writerow([json.dumps(c if len(c) > 1 else c[0]) for c in cells])


def plants(folder: Path) -> None:
    (folder / "daisy").mkdir(parents=True)
    for own in PLANTS.values():
        for name, columns in own.items():
            rng = np.random.default_rng(len(name))
            np.savetxt(folder / "daisy" / f"{name}.dat", rng.normal(size=(ROWS, len(columns))))


def patients(folder: Path) -> None:
    (folder / "parkinsons").mkdir(parents=True)
    names = ["subject#", "age", "sex", "test_time", "motor_UPDRS", "total_UPDRS"]
    names += [f"voice{i}" for i in range(16)]
    with (folder / "parkinsons" / "parkinsons_updrs.data").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(names)
        for patient in range(1, 43):
            days = np.random.default_rng(patient).permutation(ROWS)  # not in order
            for day in days:
                voices = [patient] * 16
                table.writerow([patient, 60, 0, day, 0, 20 + patient + 0.1 * day, *voices])


SETS: dict[str, tuple[Callable[[Path], None], Callable[[str], Records]]] = {
    "neural_fly": (flights, NeuralFly),
    "daisy": (plants, Daisy),
    "parkinsons": (patients, Parkinsons),
}


@pytest.mark.parametrize("name", SETS)
def test_splits_share_no_record_and_support_precedes_query(name: str, tmp_path: Path) -> None:
    write, source = SETS[name]
    write(tmp_path)
    data = source(str(tmp_path))
    data.prepare()
    names = [record.name for own in data.records.values() for record in own]
    assert len(names) == len(set(names)) > 10
    for split in ("train", "val", "test"):
        data.check(split, EPISODE)
        tasks = data.tasks(split, np.arange(20), EPISODE, seed=3)
        assert tasks.support.inputs.shape[:2] == (20, 5)
        assert tasks.query.targets.shape[:2] == (20, 7)
        again = data.tasks(split, np.arange(20)[::-1].copy(), EPISODE, seed=3)
        assert torch.equal(again.query.inputs.flip(0), tasks.query.inputs)
        other = data.tasks(split, np.arange(20), EPISODE, seed=4)
        assert not torch.equal(other.query.inputs, tasks.query.inputs)


def test_the_support_is_consecutive_and_the_first_test_tasks_begin_at_the_start(
    tmp_path: Path,
) -> None:
    flights(tmp_path)
    data = NeuralFly(str(tmp_path))
    for split in ("train", "test"):
        tasks = data.tasks(split, np.arange(30), EPISODE, seed=0)
        support, query = (part.targets[..., 0] for part in tasks)
        assert (support.diff(dim=1) == 1).all()
        assert (query.diff(dim=1) > 0).all() and (query[:, 0] > support[:, -1]).all()
        if split == "test":
            assert (support[: len(CONTROLLERS), 0] == 0).all()
            assert support[len(CONTROLLERS) :, 0].unique().numel() > 5


def test_training_inputs_have_mean_0_and_deviation_1(tmp_path: Path) -> None:
    flights(tmp_path)
    rows = np.concatenate([r.inputs for r in NeuralFly(str(tmp_path)).records["train"]])
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(0), 1, rtol=1e-4)


def test_the_publishers_table_and_the_archive_hold_the_same_flights(tmp_path: Path) -> None:
    flights(tmp_path / "a")
    flights(tmp_path / "b", as_table=True)
    one, two = (NeuralFly(str(tmp_path / place)).records for place in "ab")
    for first, second in zip(one["test"], two["test"], strict=True):
        np.testing.assert_allclose(first.inputs, second.inputs, rtol=1e-5, atol=1e-6)


def test_the_held_out_wind_is_only_in_the_test(tmp_path: Path) -> None:
    flights(tmp_path)
    for wind in WINDS:
        names = {s: {r.name.split("_")[-1] for r in own}
                 for s, own in NeuralFly(str(tmp_path), wind).records.items()}  # fmt: skip
        assert names["test"] == {wind}
        assert len(names["val"]) == 1 and not names["val"] & (names["train"] | names["test"])
        assert len(names["train"]) == 3
    with pytest.raises(UserError, match="choose nowind"):
        NeuralFly(str(tmp_path), "storm")


def test_a_plants_row_holds_its_last_signals_and_the_change_that_follows(tmp_path: Path) -> None:
    plants(tmp_path)
    table = np.loadtxt(tmp_path / "daisy" / "flutter.dat")
    u, y = ((signal - signal.mean()) / signal.std() for signal in table.T)
    record = next(r for r in Daisy(str(tmp_path)).load()["test"] if r.name.startswith("flutter"))
    for row in range(len(record.targets)):
        t = row + LAGS
        expected = [*(y[t - k] for k in (1, 2, 3)), *(u[t - k] for k in (1, 2, 3))]
        np.testing.assert_allclose(record.inputs[row], expected, rtol=1e-4, atol=1e-5)
        assert record.targets[row, 0] == pytest.approx(y[t] - y[t - 1], rel=1e-4, abs=1e-5)


def test_a_patients_recordings_are_in_order_and_count_from_the_last_known_score(
    tmp_path: Path,
) -> None:
    patients(tmp_path)
    data = Parkinsons(str(tmp_path))
    assert [len(data.records[s]) for s in ("train", "val", "test")] == [24, 6, 12]
    tasks = data.tasks("test", np.arange(12), EPISODE, seed=0)
    torch.testing.assert_close(tasks.support.targets[:, -1], torch.zeros(12, 1))
    torch.testing.assert_close(
        tasks.support.targets[..., 0].diff(dim=1), torch.full((12, 4), 0.1), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("way", damage.FILE, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", SETS)
def test_a_damaged_file_is_read_or_refused_in_one_line(name: str, way: Any, tmp_path: Path) -> None:
    write, source = SETS[name]
    write(tmp_path)
    rng = np.random.default_rng(1)
    way(damage.some(sorted(p for p in tmp_path.rglob("*") if p.is_file()), rng), rng)
    message = refusal(source(str(tmp_path)))
    if message is None:
        assert way.__name__ in {"flips", "hole", "more", "cut"}
    else:
        assert str(tmp_path) in message or "plant" in message
        assert len(message) < 500 and "\n" not in message


def refusal(data: Records) -> str | None:
    """The message with which a data set is refused; None if it is read."""
    try:
        data.prepare()
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", SETS)
def test_missing_files_are_named_with_their_address(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="https://"):
        SETS[name][1](str(tmp_path)).prepare()


def task_of(x: torch.Tensor, y: torch.Tensor, shots: int) -> Task:
    return Task(Examples(x[:shots], y[:shots]), Examples(x[shots:], y[shots:]))


def test_ridge_of_the_support_is_the_least_squares_solution_with_an_offset() -> None:
    x, y = torch.randn(30, 4), torch.randn(30, 2)
    task = task_of(x, y, 20)
    design = torch.cat([x, torch.ones(30, 1)], 1).double()
    solution = torch.linalg.lstsq(design[:20], y[:20].double(), driver="gelsd").solution
    outputs = linear.ridge_of_support(1e-9)(task)
    torch.testing.assert_close(outputs, (design[20:] @ solution).float(), rtol=1e-4, atol=1e-4)


def test_a_pooled_regression_recovers_a_common_slope_and_each_tasks_offset() -> None:
    slope = np.array([[2.0, -1.0]]).T
    rng = np.random.default_rng(0)
    records = []
    for offset in (0.0, 5.0, -7.0):
        x = rng.normal(size=(50, 2)) + offset  # the offsets of inputs say nothing about targets
        records.append(Record("r", x.astype(np.float32), (x @ slope - offset).astype(np.float32)))
    x = torch.randn(20, 2)
    y = (x.double() @ torch.from_numpy(slope) + 3).float()
    outputs = linear.pooled_ridge(records, 1e-6)(task_of(x, y, 4))
    torch.testing.assert_close(outputs, y[4:], rtol=1e-3, atol=1e-3)


def test_the_real_patients_are_read() -> None:
    file = beside("patients/parkinsons_updrs.csv.gz")
    data = Parkinsons(str(file.parents[1]))
    assert sum(len(r.inputs) for own in data.records.values() for r in own) == 5875


def test_the_real_plants_are_read() -> None:
    file = beside("control/daisy/daisy.npz")
    data = Daisy(str(file.parents[2]))
    assert {r.name.split()[0] for own in data.records.values() for r in own} == {
        name for own in PLANTS.values() for name in own
    }
