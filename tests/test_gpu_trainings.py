"""The trainings for a GPU, rehearsed on the CPU: every command is one that train.py accepts."""

from pathlib import Path

import pytest
from benchmarks.gpu import trainings
from cli import call, results
from helpers import config

from innerloop.callbacks.kept import CHECKPOINTS
from innerloop.experiment.check import check
from innerloop.startup.run_folder import KEPT

RUNS = {name: more for runs in trainings.GROUPS.values() for name, more in runs.items()}


@pytest.mark.parametrize("name", RUNS)
def test_each_run_has_the_setting_of_its_name(name: str) -> None:
    composed = check(config(*RUNS[name], "callbacks.last.minutes=1"))
    dataset, learner, ways, shots = name.split("_")
    assert (composed.names.dataset, composed.names.algorithm) == (dataset, learner)
    test = composed.episode.test
    assert (f"{test.ways}way", f"{test.shots}shot") == (ways, shots)
    assert composed.outer.steps >= 20_000 and composed.evaluation.tasks >= 600
    assert composed.callbacks.last.minutes == 1


def test_runs_begin_and_are_resumed_and_then_left_alone(tmp_path: Path) -> None:
    runs = {"miniimagenet_maml_5way_1shot": trainings.MINIIMAGENET["miniimagenet_maml_5way_1shot"]}
    ((name, overrides, folder),) = trainings.unfinished(runs, tmp_path)
    begin = trainings.command(name, overrides, folder, rehearse=False)
    assert "trainer=gpu" in begin and f"hydra.run.dir={folder}" in begin
    folder.mkdir()
    (folder / KEPT).touch()
    assert trainings.command(name, overrides, folder, False)[2:] == [f"resume={folder}"]
    (folder / "results.json").touch()
    assert not list(trainings.unfinished(runs, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["miniimagenet_maml_5way_1shot", "omniglot_protonet_20way_5shot"])
def test_a_rehearsed_training_can_be_resumed_in_another_folder(name: str, tmp_path: Path) -> None:
    begin = trainings.command(name, RUNS[name], tmp_path / "here", rehearse=True)
    call("train", *begin[2:])
    assert results(tmp_path / "here")["outer"]["steps"] == 4
    (tmp_path / "here" / "results.json").unlink()
    there = (tmp_path / "here").rename(tmp_path / "there")  # as on another machine
    assert list((there / CHECKPOINTS).glob("last*.ckpt"))
    call("train", *trainings.command(name, (), there, rehearse=True)[2:])
    assert results(there)["outer"]["steps"] == 4
