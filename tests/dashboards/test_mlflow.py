"""What a run logs to MLflow, read back with MLflow's own client."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from cli import call, evaluate, mistake, train

from innerloop.callbacks import mlflow_log
from innerloop.outer.meta_learner import MetaLearner

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

FAST = ("debug=fast", "logger=[csv,mlflow]")


def store(outputs: Path) -> "MlflowClient":
    mlflow = pytest.importorskip("mlflow", reason="mlflow is an extra")
    return mlflow.tracking.MlflowClient(f"sqlite:///{outputs.resolve()}/mlflow.db")


def runs(outputs: Path) -> "list[Run]":
    client = store(outputs)
    (project,) = [e for e in client.search_experiments() if e.name == "innerloop"]
    return list(client.search_runs([project.experiment_id], order_by=["start_time ASC"]))


def curve(outputs: Path, run: "Run", name: str) -> list[tuple[int, float]]:
    history = store(outputs).get_metric_history(run.info.run_id, name)
    return [(point.step, point.value) for point in history]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training and of a test of its checkpoint."""
    pytest.importorskip("mlflow", reason="mlflow is an extra")
    outputs = tmp_path_factory.mktemp("mlflow")
    place = f"paths.outputs={outputs}"
    train(outputs / "run", *FAST, place, "dataset=glyphs", "inner.rate=0.3", "tags=[first,try]")
    evaluate(outputs / "test", f"ckpt_path={outputs / 'run'}", place, "logger=mlflow")
    return outputs


def test_every_curve_of_the_log_is_a_metric(outputs: Path) -> None:
    run = runs(outputs)[0]
    with (outputs / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in set(rows[0]) - {"step"}:
        logged = [(int(row["step"]), float(row[name])) for row in rows if row[name]]
        drawn = [(s, pytest.approx(v, rel=1e-5, nan_ok=True)) for s, v in logged]
        if not name.startswith("test/"):
            assert curve(outputs, run, name) == drawn


def test_the_result_and_the_settings_stand_side_by_side(outputs: Path) -> None:
    results = json.loads((outputs / "run" / "results.json").read_text())
    data, entry = runs(outputs)[0].data, results["test"]["accuracy"]
    for name, tested in results["test"].items():
        if "/step_" not in name:
            assert data.metrics[f"test/{name}"] == tested["mean"]
    assert data.metrics["test/accuracy_ci95"] == entry["ci95"]
    assert data.metrics["val/accuracy_best"] == results["checkpoint"]["validation"]["accuracy"]
    assert data.params["inner.rate"] == "0.3" and data.params["norm"] == "transductive"
    assert "paths.run" not in data.params
    assert data.tags["first"] == data.tags["try"] == "true"
    assert data.tags["mlflow.runName"].startswith("maml_glyphs_5w1s_seed0")


def test_the_curve_over_inner_steps_is_a_metric(outputs: Path) -> None:
    results = json.loads((outputs / "run" / "results.json").read_text())
    drawn = dict(curve(outputs, runs(outputs)[0], "adaptation/accuracy"))
    expected = {
        int(name.rpartition("_")[2]): entry["mean"]
        for name, entry in results["test"].items()
        if name.startswith("accuracy/step_")
    }
    assert drawn == expected and len(expected) > 1


def test_results_and_pictures_are_artifacts(outputs: Path) -> None:
    client, run = store(outputs), runs(outputs)[0]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "figures",
        "results.json",
    }
    assert (outputs / "mlflow").is_dir(), "artifacts lie beside the store"
    assert run.info.status == "FINISHED"


def test_a_test_is_a_run_of_its_own(outputs: Path) -> None:
    training, test = runs(outputs)
    assert test.data.tags["program"] == "evaluate" and training.data.tags["program"] == "train"
    assert str(outputs / "run") in test.data.tags["tests"]
    assert test.data.metrics["test/accuracy"] == training.data.metrics["test/accuracy"]


def test_a_resumed_run_stays_one_run_and_repeats_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is an extra")
    outer_step = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: object, number: int) -> object:
        if number == 4:
            raise KeyboardInterrupt
        return outer_step(self, tasks, number)  # type: ignore[arg-type]

    own = (f"paths.outputs={tmp_path}", "outer.steps=6", "evaluation.validation.every=3")
    with mock.patch.object(MetaLearner, "outer_step", stops), pytest.raises(SystemExit):
        train(tmp_path / "run", *FAST, *own)
    call("train", f"resume={tmp_path / 'run'}", "outer.steps=8")
    (run,) = runs(tmp_path)
    for name in ("train/mse", "val/mse"):
        steps = [step for step, _ in curve(tmp_path, run, name)]
        assert steps == sorted(set(steps))
    assert [step for step, _ in curve(tmp_path, run, "train/mse")] == list(range(1, 9))
    assert run.data.params["outer.steps"] == "6" and run.data.tags["resumed.outer.steps"] == "8"
    assert run.info.status == "FINISHED"


def test_without_the_library_a_run_says_what_to_install(tmp_path: Path) -> None:
    with mock.patch.object(mlflow_log, "_MLFLOW_AVAILABLE", False):
        text = mistake("train", "debug=fast", f"hydra.run.dir={tmp_path}", "logger=mlflow")
    assert "'.[mlflow]'" in text
