"""Killed and resumed runs against one that never stopped, and the checkpoints they resume from."""

import json
import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from cli import call, evaluate, mistake
from killing import Kill, differences, fresh, resumed
from outer_loop import STEPS, kept_by, learner_of, wave_data

from innerloop.callbacks import random_state
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO, read_checkpoint
from innerloop.callbacks.csv_log import CSVLog, rewind
from innerloop.callbacks.kept import read_newest
from innerloop.callbacks.recovery import Recovery
from innerloop.dashboards import identity
from innerloop.errors import UserError
from innerloop.machine.files import whole_file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small training that was never stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert fresh(folder) == 0
    return folder


@pytest.mark.parametrize(
    "kill",
    [
        Kill("step", 23),
        Kill("validation", 5, signal.SIGTERM),
        Kill("write", 90),
        pytest.param(Kill("step", 16, signal.SIGTERM), marks=pytest.mark.slow),
        pytest.param(Kill("step", 40, signal.SIGTERM), marks=pytest.mark.slow),
        pytest.param(Kill("validation", 5), marks=pytest.mark.slow),
        pytest.param(Kill("validation", 8, signal.SIGTERM), marks=pytest.mark.slow),
        pytest.param(Kill("test", 2, signal.SIGTERM), marks=pytest.mark.slow),
        pytest.param(Kill("rename", 9), marks=pytest.mark.slow),
    ],
)
def test_a_killed_and_resumed_run_equals_one_that_never_stopped(
    kill: Kill, whole: Path, tmp_path: Path
) -> None:
    status = fresh(tmp_path / "run", kill=kill)
    assert status == (-9 if kill.signal == signal.SIGKILL else 128 + kill.signal)
    assert resumed(tmp_path / "run") == 0
    assert differences(tmp_path / "run", whole) == []
    assert not list((tmp_path / "run").rglob("*.unfinished"))


def test_a_damaged_checkpoint_is_noticed_and_the_previous_one_used(
    whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    _damage(run / "checkpoints" / "last.ckpt", "flipped")
    assert read_checkpoint(run / "checkpoints" / "last-1.ckpt")["global_step"] == 35
    assert resumed(run) == 0
    shown = (tmp_path / "run.out").read_text()
    assert "last.ckpt is damaged" in shown and "resumes from" in shown and "last-1.ckpt" in shown
    assert differences(run, whole) == []


def test_any_byte_that_changes_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "some.ckpt"
    content = {"innerloop": {"step": 3}, "weight": torch.arange(40.0), "name": "a"}
    AtomicCheckpointIO().save_checkpoint(content, file)
    whole, noticed = file.read_bytes(), 0
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        try:
            checkpoint = read_checkpoint(file)
        except UserError:
            noticed += 1
            continue
        assert checkpoint["innerloop"] == content["innerloop"] and checkpoint["name"] == "a"
        assert torch.equal(checkpoint["weight"], content["weight"])
    assert noticed > 100


def test_checkpoints_with_other_than_plain_values_are_not_opened_or_written(tmp_path: Path) -> None:
    file = tmp_path / "bad.ckpt"
    torch.save({"innerloop": {}, "call": os.system}, file)
    with pytest.raises(UserError, match="posix.system: it is not opened"):
        read_checkpoint(file)
    file.unlink()
    with pytest.raises(UserError, match="numpy.* could not be read back"):
        AtomicCheckpointIO().save_checkpoint({"innerloop": {}, "a": np.zeros(3)}, file)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_whole_checkpoint_is_found(tmp_path: Path) -> None:
    last = tmp_path / "last.ckpt"
    assert read_newest(last) is None
    for step in range(12):
        content = {"innerloop": {}, "step": step}
        AtomicCheckpointIO().save_checkpoint(content, last, {"keep": 11})
    assert len(list(tmp_path.iterdir())) == 11
    for number in range(2):
        (tmp_path / ("last-1.ckpt" if number else "last.ckpt")).write_bytes(b"cut")
    newest = read_newest(last)
    assert newest is not None
    file, content, wrong = newest
    assert (file.name, content["step"], len(wrong)) == ("last-2.ckpt", 9, 2)
    for file in tmp_path.iterdir():
        file.write_bytes(b"")
    with pytest.raises(UserError, match="damaged"):
        read_newest(last)


def test_a_kill_between_two_renames_leaves_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, rename = tmp_path / "last.ckpt", os.replace
    for step in range(2):
        AtomicCheckpointIO().save_checkpoint({"innerloop": {}, "step": step}, last, {"keep": 2})

    class Killed(BaseException):
        pass

    def dies(old: Any, new: Any) -> None:
        if Path(new) == last:
            raise Killed
        rename(old, new)

    monkeypatch.setattr("innerloop.machine.files.os.replace", dies)
    with pytest.raises(Killed):
        AtomicCheckpointIO().save_checkpoint({"innerloop": {}, "step": 2}, last, {"keep": 2})
    newest = read_newest(last)
    assert newest is not None and newest[1]["step"] == 1


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"steps": 2, "minutes": None}, [2]),
        ({"steps": None, "minutes": 0}, [1, 2, 3]),
        ({"steps": None, "minutes": 60}, []),
        ({"steps": None, "minutes": None}, []),
    ],
)
def test_checkpoints_come_by_steps_and_by_minutes(
    tmp_path: Path, settings: dict[str, Any], steps: list[int]
) -> None:
    recovery = Recovery(str(tmp_path), keep=9, every=1, **settings)
    kept_by(recovery).fit(learner_of(), wave_data())
    kept = [read_checkpoint(f)["global_step"] for f in tmp_path.glob("last*.ckpt")]
    assert sorted(kept) == steps


def test_impossible_checkpoint_settings_are_refused(tmp_path: Path) -> None:
    for wrong in ({"keep": 0}, {"steps": 0}, {"minutes": -1}):
        with pytest.raises(UserError, match="from 1"):
            Recovery(str(tmp_path), **{"steps": 1, "minutes": 1, "keep": 1, "every": 1} | wrong)


def test_random_numbers_continue_after_a_restore() -> None:
    def draws() -> list[float]:
        return [random.random(), np.random.rand(), float(torch.rand(()))]  # noqa: NPY002

    draws()
    state = random_state.collect()
    first = draws()
    assert len(set(first)) == 3
    draws()
    random_state.restore(state)
    assert draws() == first


def test_log_rows_of_a_validation_to_be_repeated_are_removed(tmp_path: Path) -> None:
    log = tmp_path / "metrics.csv"
    content = "step,train/mse,val/mse\n2,1.0,\n2,,5.0\n4,2.0,\n4,,6.0\n5,3.0,\n"
    for validated, kept in ((True, content[: content.index("5,3")]), (False, "4,2.0,\n")):
        log.write_text(content)
        rewind(tmp_path, 4, validated)
        assert log.read_text().replace("\r", "").endswith(kept)


def test_a_kill_while_a_column_is_added_to_the_log_loses_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CSVLog(str(tmp_path))
    log.log_metrics({"a": 1.0}, 0)
    before = (tmp_path / "metrics.csv").read_text()

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("innerloop.machine.files.os.replace", dies)
    with pytest.raises(KeyboardInterrupt):
        log.log_metrics({"b": 2.0}, 1)
    assert (tmp_path / "metrics.csv").read_text() == before


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_log_that_is_not_a_regular_file_is_refused_without_waiting(
    tmp_path: Path, kind: str
) -> None:
    log = tmp_path / "metrics.csv"
    os.mkfifo(log) if kind == "pipe" else log.mkdir()
    with pytest.raises(UserError, match=r"metrics\.csv is not a regular file"):
        rewind(tmp_path, 1)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"id": "a", "group": null, "work": "train"}'])
def test_a_damaged_wandb_identity_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / identity.FILE).write_text(text)
    with pytest.raises(UserError, match=identity.FILE):
        identity.of_run(tmp_path)


def test_optimizer_and_schedule_continue_after_a_resume(tmp_path: Path) -> None:
    """Momentum and rate after resuming equal those of an uninterrupted training."""
    import functools

    def learner() -> Any:
        torch.manual_seed(0)
        optimizer = functools.partial(torch.optim.SGD, lr=0.05, momentum=0.9)
        schedule = functools.partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
        return learner_of(optimizer=optimizer, scheduler=schedule)

    def run(meta_learner: Any, **more: Any) -> lightning.Trainer:
        kept = Recovery(str(tmp_path), steps=2, minutes=None, keep=1, every=1)
        used = kept_by(kept)
        used.fit(meta_learner, wave_data(), **more, weights_only=True)
        return used

    first, second = learner(), learner()
    whole = run(first)
    parts = run(second, ckpt_path=tmp_path / "last.ckpt")
    assert whole.global_step == parts.global_step == STEPS
    for ours, theirs in zip(second.parameters(), first.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    ours, theirs = (t.optimizers[0].state_dict()["param_groups"][0]["lr"] for t in (parts, whole))
    assert ours == theirs == 0.05 * 0.5**STEPS


def test_earlier_versions_of_a_file_are_kept(tmp_path: Path) -> None:
    for text in "abcd":
        with whole_file(tmp_path / "x.txt", keep=3) as file:
            file.write(text.encode())
    texts = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert texts == {"x.txt": "d", "x-1.txt": "c", "x-2.txt": "b"}


def test_the_checkpoint_knows_the_wandb_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = tmp_path / "run"
    assert fresh(run, "logger=wandb", kill=Kill("step", 20)) == -9
    known = identity.read(run)
    assert known is not None
    (run / identity.FILE).unlink()
    assert resumed(run) == 0
    assert identity.read(run) == known
    assert len({p.name.split("-")[-1] for p in (run / "wandb").glob("offline-run-*")}) == 1
    identity.restore(tmp_path, None)
    assert identity.read(tmp_path) is None


# --- the best checkpoint, and the previous best


@pytest.fixture(scope="module")
def descended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has two best checkpoints: the second validation was better than the first."""
    folder = tmp_path_factory.mktemp("runs") / "descended"
    assert fresh(folder, "outer.optimizer.lr=0.01") == 0
    assert (folder / "checkpoints" / "best-1.ckpt").exists()
    return folder


@pytest.mark.parametrize("damage", ["gone", "flipped", "cut"])
def test_without_its_best_checkpoint_a_finished_run_is_tested_at_the_previous_best(
    descended: Path, tmp_path: Path, damage: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(descended, run)
    before = read_checkpoint(run / "checkpoints" / "best-1.ckpt")
    _damage(run / "checkpoints" / "best.ckpt", damage)
    assert resumed(run) == 0
    result = json.loads((run / "results.json").read_text())
    shown = (tmp_path / "run.out").read_text()
    assert f"best-1.ckpt (outer step {before['global_step']}) takes the place" in shown
    assert result["checkpoint"]["step"] == before["global_step"]
    assert result["checkpoint"]["validation"] == before["innerloop"]["validation"]


def test_other_programs_use_the_previous_best_and_report_it(
    descended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(descended, run)
    _damage(run / "checkpoints" / "best.ckpt", "flipped")
    before = read_checkpoint(run / "checkpoints" / "best-1.ckpt")
    result = evaluate(tmp_path / "test", f"ckpt_path={run}", "logger=none", "trust=true")
    assert "best.ckpt is damaged" in capsys.readouterr().out
    assert result["checkpoint"]["file"] == "best-1.ckpt"
    assert result["checkpoint"]["step"] == before["global_step"]
    call("replay", str(run), "task=test/1", "trust=true")
    assert "takes best-1.ckpt, the best before it" in capsys.readouterr().out
    for file in (run / "checkpoints").glob("best*"):
        file.unlink()
    assert "last.ckpt may be sound" in mistake("evaluate", f"ckpt_path={run}")


def test_without_any_best_checkpoint_a_run_resumes_and_ends_at_its_last(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert fresh(run, kill=Kill("step", 36)) == -9  # after two of three validations
    for file in (run / "checkpoints").glob("best*"):
        file.unlink()
    assert resumed(run) == 0
    result = json.loads((run / "results.json").read_text())
    assert result["checkpoint"] | {"validation": None} == {
        "file": "best.ckpt",
        "step": 40,
        "validation": None,
    }  # fmt: skip  (the third validation is the best of those that are left)
    for file in (run / "checkpoints").glob("best*"):
        file.unlink()
    assert resumed(run) == 0
    result = json.loads((run / "results.json").read_text())
    assert (result["checkpoint"]["file"], result["checkpoint"]["step"]) == ("last.ckpt", 40)
    assert "takes last.ckpt instead of the best one" in (tmp_path / "run.out").read_text()


def _damage(file: Path, how: str) -> None:
    if how == "gone":
        file.unlink()
    elif how == "cut":
        os.truncate(file, file.stat().st_size // 2)
    else:
        content = bytearray(file.read_bytes())
        weight = next(iter(read_checkpoint(file)["state_dict"].values()))
        content[content.index(weight.numpy().tobytes()) + 2] ^= 1
        file.write_bytes(content)
        assert not torch.equal(
            next(iter(torch.load(file, weights_only=True)["state_dict"].values())), weight
        )
