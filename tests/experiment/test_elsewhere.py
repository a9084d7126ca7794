"""A run is tested on other data sets: the same weights, on each data set's own test tasks."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from cli import FAST, call, evaluate, mistake, results, train
from helpers import ROOT

from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.omniglot import Omniglot
from innerloop.errors import UserError
from innerloop.experiment.trained import load
from innerloop.outer.meta_learner import MetaLearner
from innerloop.reporting.table import table_of_data_sets
from innerloop.tasks import Episode, Examples

STEPS = 3  #: at which glyphs are scored; float32 alone lets later steps drift apart
FEW = """\
# @package _global_
defaults: [override /model: conv4, override /objective: classification]
dataset:
  _target_: innerloop.data.sets.glyphs.Glyphs
  size: 28
  classes: {test: 8}
  input_shape: [1, 28, 28]
episode: {ways: 3, shots: 2, queries: 7}
inner: {steps: 4, rate: 0.1}
evaluation: {scored_step: 1}
"""


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An override that adds the data set `few`: glyphs of eight classes, tasks of another size."""
    conf = tmp_path_factory.mktemp("conf")
    (conf / "dataset").mkdir()
    (conf / "dataset" / "few.yaml").write_text(FEW)
    return f"hydra.searchpath=[file://{conf}]"


@pytest.fixture(scope="module")
def run(search: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training on glyphs, tested on a data set whose files are missing, and on `few`."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    missing = mock.patch.object(Omniglot, "prepare", side_effect=UserError("no file anywhere"))
    with missing:
        train(
            folder, search, "dataset=glyphs", "evaluation.on=[omniglot,few,glyphs]", "logger=csv",
            "debug=fast", "trainer=cpu",
        )  # fmt: skip
    return folder


def by_hand(folder: Path, source: Glyphs) -> tuple[np.ndarray, np.ndarray]:
    """Losses and accuracies `(tasks, steps + 1)`: one task at a time, without engine or trainer."""
    learner, stored = load(folder), results(folder)
    episode, seed = Episode(**stored["episode"]["test"]), stored["protocol"]["seed"]
    losses, accuracies = [], []
    for index in range(stored["protocol"]["tasks"]):
        support, query = source.tasks("test", np.array([index]), episode, seed)
        given = Examples(source.transform(support.inputs)[0], support.targets[0])
        inputs, targets = source.transform(query.inputs)[0], query.targets[0]
        with torch.no_grad():
            adapted = learner.algorithm.adapt(given, STEPS, learner.progress)
            outputs = [learner.algorithm.predict(after, inputs) for after in adapted]
        losses.append([torch.nn.functional.cross_entropy(o, targets).item() for o in outputs])
        accuracies.append([(o.argmax(-1) == targets).double().mean().item() for o in outputs])
    return np.array(losses), np.array(accuracies)


def test_the_test_on_another_data_set_equals_a_computation_by_hand(run: Path) -> None:
    losses, accuracies = by_hand(run, Glyphs(28, {"test": 8}))
    with np.load(run / "tested_on" / "few" / "scores.npz") as kept:
        np.testing.assert_allclose(kept["curve/loss"][:, : STEPS + 1], losses, rtol=1e-4)
        np.testing.assert_allclose(kept["curve/accuracy"][:, : STEPS + 1], accuracies, rtol=1e-6)
    with np.load(run / "scores.npz") as own:
        assert np.abs(own["curve/loss"][:, : STEPS + 1] - losses).max() > 1e-2, "not its own tasks"


def test_each_data_set_has_results_of_its_own(run: Path) -> None:
    own, other = results(run), results(run / "tested_on" / "few")
    assert (own["dataset"], own["trained_on"]) == ("glyphs", "glyphs")
    assert (other["dataset"], other["trained_on"]) == ("few", "glyphs")
    assert own["protocol"]["hash"] != other["protocol"]["hash"]
    assert other["episode"] == own["episode"] and other["checkpoint"] == own["checkpoint"]
    assert other["protocol"]["scored_step"] == own["protocol"]["scored_step"] == 3
    assert other["audit"]["tasks"] == own["audit"]["tasks"] == 2
    assert {int(name) for name in other["per_class"]} <= set(range(8))
    with (run / "metrics.csv").open() as log:
        logged = [row["test/accuracy"] for row in csv.DictReader(log) if row["test/accuracy"]]
    assert [float(mean) for mean in logged] == [pytest.approx(own["test"]["accuracy"]["mean"])]


def test_the_closing_table_has_a_row_for_each_data_set(run: Path) -> None:
    contents = [results(run), results(run / "tested_on" / "few")]
    table = table_of_data_sets(contents)
    rows = [[str(cell) for cell in column.cells] for column in table.columns]
    assert rows[0] == ["glyphs", "few"]
    assert rows[-1] == [content["protocol"]["hash"] for content in contents]
    means = [content["test"]["accuracy"]["mean"] for content in contents]
    assert [float(text.rstrip(" %")) for text in rows[2]] == pytest.approx([100 * m for m in means])


def test_a_mixture_is_tested_on_each_of_its_data_sets(search: str, tmp_path: Path) -> None:
    """The data sets have other sizes than the mixture, and a third one chooses the checkpoint."""
    result = train(
        tmp_path, search, "dataset=mixture", "dataset.parts=[glyphs,few]", "dataset.size=16",
        "evaluation.validation.dataset=few", "algorithm=protonet", "trainer=cpu", *FAST,
    )  # fmt: skip
    parts = [results(tmp_path / "tested_on" / name) for name in ("glyphs", "few")]
    assert result["missing"] == []
    assert [part["dataset"] for part in parts] == ["glyphs", "few"]
    assert {part["trained_on"] for part in parts} == {"mixture"}
    assert len({part["protocol"]["hash"] for part in (result, *parts)}) == 3


def test_images_of_another_size_are_resized_on_request(
    run: Path, search: str, tmp_path: Path
) -> None:
    larger = ("dataset=few", "dataset.size=40", "dataset.input_shape=[1,40,40]")
    given = (f"ckpt_path={run}", "logger=none", *larger, search)
    assert "evaluation.resize=true" in mistake("evaluate", f"hydra.run.dir={tmp_path}", *given)
    result = evaluate(tmp_path, *given, "evaluation.resize=true")
    other = results(run / "tested_on" / "few")
    assert result["protocol"]["hash"] != other["protocol"]["hash"]


def test_a_data_set_without_files_costs_no_other_result(run: Path) -> None:
    assert results(run)["missing"] == ["test on omniglot"]
    assert not (run / "tested_on" / "omniglot").exists()


def test_a_finished_run_is_resumed_for_a_further_test(
    run: Path, search: str, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    shutil.copytree(run, again)
    with mock.patch.object(MetaLearner, "outer_step", side_effect=AssertionError("it trained")):
        call("train", f"resume={again}", "evaluation.on=[few]", search)
    assert results(again)["missing"] == []
    assert results(again)["configuration"] == results(run)["configuration"]
    for folder in ("", "tested_on/few"):
        assert results(again / folder)["test"] == results(run / folder)["test"]


def test_evaluating_on_another_data_set(run: Path, search: str, tmp_path: Path) -> None:
    given = (f"ckpt_path={run}", "logger=none", "dataset=few", search)
    result = evaluate(tmp_path / "same", *given)
    other = results(run / "tested_on" / "few")
    assert result["test"] == other["test"] and result["protocol"] == other["protocol"]
    assert (result["dataset"], result["trained_on"]) == ("few", "glyphs")
    assert not (tmp_path / "same" / "tested_on").exists(), "on what was asked for alone"
    sized = evaluate(tmp_path / "sized", *given, "episode.test.queries=2", "dataset.classes.test=6")
    assert sized["episode"]["test"] == {"ways": 5, "shots": 1, "queries": 2}
    assert {int(name) for name in sized["per_class"]} <= set(range(6))


def test_runs_are_compared_on_each_data_set_separately(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    call("compare", str(run), str(run), "--json", str(file))
    result = json.loads(file.read_text())
    assert [result["dataset"], *[each["dataset"] for each in result["others"]]] == ["glyphs", "few"]
    assert result["others"][0]["differences"][0]["mean"] == 0


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("evaluation.on=[glyhps]", ["glyhps", "Did you mean glyphs?", "omniglot"]),
        ("evaluation.on=[miniimagenet]", ["[3, 84, 84]", "[1, 28, 28]"]),
        ("evaluation.on=[folder]", ["folder", "dataset.path", "evaluate.py"]),
        ("evaluation.on=omniglot", ["evaluation.on=omniglot", "a list of data sets"]),
        ("+evaluation={true:[omniglot]}", ['"on": [glyphs]']),
    ],
)
def test_a_data_set_that_does_not_fit_is_refused_before_training(
    tmp_path: Path, override: str, parts: list[str]
) -> None:
    with mock.patch.object(MetaLearner, "outer_step", side_effect=AssertionError("it trained")):
        message = mistake("train", f"hydra.run.dir={tmp_path}", "dataset=glyphs", *FAST, override)
    for part in parts:
        assert part in message


def test_an_evaluation_on_inputs_of_another_shape_is_refused(run: Path, tmp_path: Path) -> None:
    out = f"hydra.run.dir={tmp_path}"
    message = mistake("evaluate", f"ckpt_path={run}", out, "dataset=miniimagenet")
    assert (
        "dataset=miniimagenet" in message and "[3, 84, 84]" in message and "[1, 28, 28]" in message
    )
    assert "may be changed" in mistake("evaluate", f"ckpt_path={run}", out, "inner.steps=2")


@pytest.mark.slow
def test_two_processes_test_on_other_data_sets_like_one(search: str, tmp_path: Path) -> None:
    given = (search, "dataset=glyphs", "evaluation.on=[few]", "debug=fast", "logger=none")
    train(tmp_path / "one", *given, "trainer=cpu")
    command: list[Any] = [
        sys.executable, str(ROOT / "src" / "train.py"), *given, "trainer=ddp",
        "trainer.accelerator=cpu", "trainer.devices=2", f"hydra.run.dir={tmp_path / 'two'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    one, two = (results(tmp_path / name / "tested_on" / "few") for name in ("one", "two"))
    assert one["protocol"] == two["protocol"]
    assert two["test"]["loss"]["mean"] == pytest.approx(one["test"]["loss"]["mean"], rel=1e-3)
