"""What a run logs to TensorBoard, read back with TensorBoard's own reader."""

import csv
import json
from collections import defaultdict
from pathlib import Path
from unittest import mock

import pytest
from cli import call, train
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from innerloop.outer.meta_learner import MetaLearner

FAST = ("debug=fast", "logger=[csv,tensorboard]")


def logged(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = logged(folder)
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorboard")
    train(folder, *FAST, "dataset=glyphs", "inner.rate=0.3")
    return folder


def test_every_curve_is_logged_once(folder: Path) -> None:
    expected: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with (folder / "metrics.csv").open() as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                if text and name != "step" and "test" not in name.split("/")[:2]:
                    expected[name].append((int(row["step"]), float(text)))
    drawn = curves(folder)
    results = {"test/accuracy", "val/accuracy_best"}
    assert set(drawn) == set(expected) | results
    for name, points in expected.items():
        assert drawn[name] == [(s, pytest.approx(v, rel=1e-5, nan_ok=True)) for s, v in points]


def test_settings_stand_beside_the_result(folder: Path) -> None:
    results = json.loads((folder / "results.json").read_text())
    content = {
        tag: metadata.parse_session_start_info_plugin_data(
            logged(folder).SummaryMetadata(tag).plugin_data.content
        )
        for tag in (metadata.SESSION_START_INFO_TAG,)
    }[metadata.SESSION_START_INFO_TAG]
    assert content.hparams["inner.rate"].number_value == 0.3
    assert content.hparams["norm"].string_value == "transductive"
    assert "paths.run" not in content.hparams
    (point,) = curves(folder)["test/accuracy"]
    assert point[1] == pytest.approx(results["test"]["accuracy"]["mean"])
    assert not list(folder.rglob("hparams.yaml")), "a second config.yaml"


def test_the_numbers_of_the_test_are_a_table(folder: Path) -> None:
    results = json.loads((folder / "results.json").read_text())
    (text,) = logged(folder).Tensors("test/text_summary")
    table = text.tensor_proto.string_val[0].decode()
    for name in ("accuracy", "loss", "nll"):
        assert f"| {name} | {results['test'][name]['mean']} |" in table


def test_a_resumed_run_repeats_nothing(tmp_path: Path) -> None:
    outer_step = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: object, number: int) -> object:
        if number == 4:
            raise KeyboardInterrupt
        return outer_step(self, tasks, number)  # type: ignore[arg-type]

    steps = ("outer.steps=6", "evaluation.validation.every=3")
    with mock.patch.object(MetaLearner, "outer_step", stops), pytest.raises(SystemExit):
        train(tmp_path, *steps, *FAST)
    call("train", f"resume={tmp_path}")
    drawn = curves(tmp_path)
    for name in ("train/mse", "val/mse"):
        steps_drawn = [step for step, _ in drawn[name]]
        assert steps_drawn == sorted(set(steps_drawn))
    assert [step for step, _ in drawn["train/mse"]] == list(range(1, 7))
