"""Likely mistakes of users; each gets a message of one or two lines."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from cli import FAST, mistake, train
from helpers import ROOT

from innerloop.data.packs import writing
from innerloop.errors import UserError
from innerloop.startup import command


@pytest.fixture
def out(tmp_path: Path) -> str:
    return f"hydra.run.dir={tmp_path / 'run'}"


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ("algorithm=mmal", ["algorithm=mmal", "algorithm=maml?", "protonet"]),
        ("algorithm.lr=1", ["algorithm.lr", "algorithm.rate"]),
        ("inner.rate=-0.1", ["inner.rate=-0.1", "above zero"]),
        ("inner.steps=-1", ["inner.steps=-1", "0 or more"]),
        ("outer.tasks=0", ["outer.tasks=0"]),
        ("outer.optimizer.lr=-1", ["outer.optimizer.lr=-1"]),
        ("outer.clip=-1", ["outer.clip=-1"]),
        ("evaluation.tasks=0", ["evaluation.tasks=0"]),
        ("episode.shots=0", ["episode.shots=0", "from 1"]),
        ("episode.ways=2", ["episode.ways", "1"]),
        ("engine.chunk=0", ["engine.chunk=0"]),
        ("engine.name=jax", ["engine.name=jax", "learn2learn"]),
        ("engine=learn2learn algorithm=anil", ["learn2learn", "ANIL"]),
        ("algorithm=protonet", ["ProtoNet", "algorithm=maml"]),
        ("algorithm.adapted=tail", ["algorithm.adapted=[tail]", "body"]),
        ("dataset=glyphs norm=group", ["norm=group", "transductive"]),
        ("dataset=glyphs model.body.pool=mean", ["pool=mean", "stride"]),
        ("dataset=glyphs episode.test.ways=7", ["episode.test.ways=7", "protonet"]),
        ("dataset=glyphs +dataset.classes={test:3}", ["3 classes", "episode.test.ways=5"]),
        ("dataset=folder dataset.path=/nowhere", ["/nowhere", "train/CLASS"]),
        ("+ckpt_path=outputs", ["ckpt_path=", "resume=RUN", "evaluate.py"]),
        ("ckpt_path=outputs", ["ckpt_path=", "resume=RUN", "evaluate.py"]),
        ("+algoritm=maml", ["did you mean algorithm?"]),
        ("+algorithm=maml", ["leave out the +"]),
        ("dataset=glyphs dataset.siz=14", ["did you mean dataset.size?"]),
        ("dataset=glyphs dataset.input_shape=[1,14,14]", ["[1, 14, 14]", "[1, 28, 28]"]),
        ("dataset=glyphs dataset.size=14 model=conv4", ["14", "conv4_strided", "16x16"]),
        ("model=conv4", ["images", "model=mlp"]),
        ("dataset.input_shape=wide", ["input_shape=wide", "[1, 28, 28]"]),
        ("dataset=glyphs model.body.filters=0", ["model.body.filters=0", "1 or more"]),
        ("model.body.hidden=[40,0]", ["no features"]),
        ("+algorithm=protonet", ["leave out the +"]),
        ("~objective", ["objective is missing", "Classification"]),
        ("+dataset.objective=mine", ["dataset.objective=mine", "objective=classification"]),
        ("outer.scheduler=cosine", ["outer.scheduler=cosine", "CosineAnnealingLR"]),
        ("outer.optimizer._target_=torch.optim.LBFGS", ["LBFGS", "torch.optim.Adam"]),
        ("workers=-1", ["workers=-1", "0 to 1024"]),
        ("+trainer.gradient_clip_val=1", ["outer.clip"]),
        ("trainer.precision=16-true", ["16-true", "bf16-mixed"]),
        ("paths.run=/elsewhere", ["paths.run=/elsewhere", "hydra.run.dir="]),
        ("estimate=maybe", ["estimate=maybe", "true or false"]),
        ("logger=null", ["override"]),
        ("outer.clip=\x1b[2J", ["outer.clip="]),
    ],
)
def test_wrong_overrides_are_refused_in_a_line_or_two(
    out: str, overrides: str, parts: list[str]
) -> None:
    message = mistake("train", *FAST, out, *overrides.split())
    for part in parts:
        assert part in message


def test_a_failed_download_names_the_files_and_their_folder(out: str, tmp_path: Path) -> None:
    def no_network(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no route to host")

    with mock.patch("requests.get", no_network):
        message = mistake("train", *FAST, out, "dataset=omniglot", f"paths.data={tmp_path}")
    for part in ("Omniglot", "images_background.zip", str(tmp_path / "omniglot"), "no route"):
        assert part in message


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ("outer.steps=1e4", ["outer.steps=10000.0", "whole number"]),
        ("evaluation.scored_step=-1", ["scored_step=-1"]),
        ("evaluation.audit=few", ["audit=few", "number of tasks"]),
        ("trainer.precision=16-mixed", ["bf16-mixed"]),
        ("trainer.strategy=ddp_fork", ["ddp_fork", "use ddp"]),
    ],
)
def test_impossible_numbers_are_refused(out: str, overrides: str, parts: list[str]) -> None:
    message = mistake("train", *FAST, out, *overrides.split())
    for part in parts:
        assert part in message


def test_several_devices_in_a_sweep_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ("--multirun", "seed=0,1", f"hydra.sweep.dir={tmp_path}")
    two = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
    assert "2 of the 2 members" in mistake("train", *sweep, *FAST, *two)
    assert "one device" in capsys.readouterr().err


def test_resuming_with_other_settings_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "run", *FAST, "algorithm=reptile")
    resume = f"resume={tmp_path / 'run'}"
    assert "made for 4 steps" in mistake("train", resume, "outer.steps=8")
    assert "seed=3" in mistake("train", resume, "seed=3")
    sweep = ("--multirun", f"{resume},{tmp_path}", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert "2 of the 2 members" in mistake("train", *sweep)
    assert "--multirun" in capsys.readouterr().err
    assert "composed.yaml" in mistake("train", f"resume={tmp_path / 'typo'}")
    assert not (tmp_path / "typo").exists()


def test_a_run_is_resumed_only_in_its_own_folder(tmp_path: Path) -> None:
    train(tmp_path / "run", *FAST)
    message = mistake("train", f"resume={tmp_path / 'run'}", f"hydra.run.dir={tmp_path / 'other'}")
    assert "hydra.run.dir= cannot be given with resume=" in message
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("dataset", ["sinusoid", "glyphs"])
def test_double_precision_runs_to_the_end(tmp_path: Path, dataset: str) -> None:
    train(tmp_path, *FAST, f"dataset={dataset}", "trainer.precision=64-true")
    kept = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert {v.dtype for v in kept["state_dict"].values()} == {torch.float64}


@pytest.mark.parametrize("size", [5, 14])
def test_glyphs_of_any_size_can_be_trained_on(tmp_path: Path, size: int) -> None:
    assert train(tmp_path, *FAST, "dataset=glyphs", f"dataset.size={size}")["dataset"] == "glyphs"


def test_a_launcher_whose_plugin_is_missing_is_named(tmp_path: Path) -> None:
    def missing(name: str) -> object:
        return None if "hydra_plugins" in name else object()

    sweep = ("--multirun", f"hydra.sweep.dir={tmp_path}")
    with mock.patch("innerloop.sweeping.watch.find_spec", missing):
        for launcher, plugin in (("joblib", "hydra_joblib"), ("slurm", "hydra_submitit")):
            message = mistake("train", *sweep, f"hydra/launcher={launcher}")
            assert f"hydra_plugins.{plugin}_launcher" in message and ".[sweeps]" in message


def test_an_unknown_keyword_of_a_launcher_is_named(tmp_path: Path) -> None:
    sweep = ("--multirun", f"hydra.sweep.dir={tmp_path}", "hydra/launcher=ray")
    with mock.patch("innerloop.sweeping.watch.find_spec", return_value=True):
        message = mistake("train", *sweep, "+hydra.launcher.rey=3")
    assert "RayLauncher takes no rey; did you mean hydra.launcher.ray?" in message


@pytest.mark.parametrize("by_lightning", [False, True])
def test_ctrl_c_prints_one_line_and_sets_the_exit_status(
    capsys: pytest.CaptureFixture[str], by_lightning: bool
) -> None:
    def program() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            if by_lightning:  # which ends the process with status 1
                sys.exit(1)
            raise

    with mock.patch.dict(os.environ), pytest.raises(SystemExit) as end:
        command.run(program)
    assert end.value.code == 130
    assert capsys.readouterr().err == "Stopped by the keyboard.\n"


def test_ctrl_c_while_data_are_prepared_ends_in_one_line(tmp_path: Path) -> None:
    from innerloop.data.sets.sinusoid import Sinusoid

    interrupted = mock.patch.object(Sinusoid, "prepare", side_effect=KeyboardInterrupt)
    with interrupted, pytest.raises(SystemExit) as end:
        train(tmp_path, *FAST)
    assert end.value.code == 130


def test_control_characters_in_messages_are_escaped() -> None:
    shown = command.explain(UserError("a\x1b[2Jb\x07\x9bc\u202ed"))
    assert shown == r"a\x1b[2Jb\x07\x9bc\u202ed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_is_refused_where_there_is_none(out: str) -> None:
    assert "trainer=cpu" in mistake("train", *FAST, out, "trainer=gpu")


def test_a_non_finite_loss_names_its_step_and_tasks(tmp_path: Path) -> None:
    message = mistake(
        "train", f"hydra.run.dir={tmp_path}", "logger=none", "outer.optimizer.lr=1e30",
        "log_every=4", "outer.steps=16", "evaluation.validation.every=2",
    )  # fmt: skip
    assert "outer step 1, in 25 of its 25 tasks (training tasks 25, 26" in message
    assert not (tmp_path / "results.json").exists()


def test_a_diverging_run_keeps_its_last_good_checkpoint(tmp_path: Path) -> None:
    settings = [
        "logger=none", "log_every=1", "outer.steps=4", "outer.tasks=2", "evaluation.tasks=4",
        "evaluation.validation.every=2", "evaluation.validation.tasks=2",
        "outer.scheduler={_target_: torch.optim.lr_scheduler.StepLR, _partial_: true, "
        "step_size: 2, gamma: 1e33}",  # the third step diverges
    ]  # fmt: skip
    message = mistake("train", f"hydra.run.dir={tmp_path}", *settings)
    assert "stopped being finite at outer step 3" in message
    kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in kept["state_dict"].values())
    assert kept["global_step"] == 2


@pytest.mark.parametrize("damage", ["missing", "cut", "text", "foreign", "pickle"])
def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "some.ckpt"
    if damage == "cut":
        torch.save({"a": torch.zeros(1000)}, file)
        os.truncate(file, 2000)
    elif damage == "text":
        file.write_text("<html>not found</html>")
    elif damage == "foreign":
        torch.save({"state_dict": {}}, file)
    elif damage == "pickle":
        torch.save({"a": subprocess.Popen}, file)
    assert "some.ckpt" in mistake(
        "evaluate", f"ckpt_path={file}", f"hydra.run.dir={tmp_path / 'e'}"
    )


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "run", *FAST)
    out = f"hydra.run.dir={tmp_path / 'again'}"
    message = mistake("evaluate", f"ckpt_path={tmp_path / 'run'}", "algorithm=anil", out)
    assert "algorithm=anil" in message
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    content = torch.load(file, weights_only=True)
    content["innerloop"]["config"]["model"]["body"]["hidden"] = [40, 41]
    torch.save(content, file)
    message = mistake("evaluate", f"ckpt_path={tmp_path / 'run'}", out)
    assert "another algorithm or model" in message


def test_a_full_disk_ends_the_run_in_one_line(out: str) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device", "checkpoints/last.ckpt")

    with mock.patch("innerloop.callbacks.checkpoint_file.torch.save", full):
        assert "the disk is full" in mistake("train", *FAST, out)


def test_a_read_only_output_folder_is_refused() -> None:
    assert "cannot be written" in mistake("train", *FAST, "hydra.run.dir=/proc/nowhere")


def test_a_full_disk_while_packing_ends_in_one_line(tmp_path: Path, out: str) -> None:
    from PIL import Image

    for split in ("train", "val", "test"):
        (tmp_path / "mine" / split / "a").mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "mine" / split / "a" / "1.png")

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with mock.patch.object(writing.os, "fsync", full):
        message = mistake(
            "train", *FAST, out, "dataset=folder", f"dataset.path={tmp_path / 'mine'}"
        )
    assert "the disk is full" in message
    assert not (tmp_path / "mine" / "packed").exists()


def test_errors_set_a_status_and_show_a_traceback_only_on_request(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "src" / "train.py"), "inner.rate=-1", "hydra.run.dir=run"]
    plain = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert plain.returncode == 1
    assert "Traceback" not in plain.stderr
    assert "Error: inner.rate=-1" in plain.stderr
    full = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"HYDRA_FULL_ERROR": "1"},
    )  # fmt: skip
    assert full.returncode == 1
    assert "Traceback" in full.stderr
