"""Sweeps that are interrupted and repeated, and sweeps with failing members."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from cli import call, mistake, results
from helpers import ROOT
from rich.console import Console

from innerloop.machine import gpus
from innerloop.objectives import Regression
from innerloop.outer.meta_learner import MetaLearner
from innerloop.reporting.numbers import mean_and_half
from innerloop.sweeping import closing, grid, members, pairing

SMALL = (
    "--multirun", "debug=fast", "outer.steps=6", "evaluation.audit=0", "diagnostics.test_tasks=0",
    "diagnostics.validation_tasks=0",
)  # fmt: skip
T_2 = 4.302652729911275  #: Student's t at 97.5% with 2 degrees of freedom, from a printed table


def sweep(folder: Path, *overrides: str, seeds: str = "0,1,2") -> None:
    call("train", *SMALL, f"seed={seeds}", f"hydra.sweep.dir={folder}", *overrides)


def interrupted(folder: Path, seed: int, step: int, error: BaseException) -> None:
    """Runs a sweep in which one member raises an error."""
    outer_step = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: object, number: int) -> object:
        if number == step and self.trainer.datamodule.seed == seed:  # type: ignore[attr-defined]
            raise error
        return outer_step(self, tasks, number)  # type: ignore[arg-type]

    with mock.patch.object(MetaLearner, "outer_step", stops), pytest.raises(SystemExit):
        sweep(folder)


def member(folder: Path, seed: int) -> Path:
    return folder / f"{seed}_sinusoid_maml_seed{seed}"


def test_a_repeated_sweep_skips_finished_members_and_resumes_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(tmp_path / "whole")
    parts = tmp_path / "parts"
    interrupted(parts, seed=1, step=5, error=SystemExit(128 + signal.SIGTERM))
    assert not member(parts, 2).exists()
    record = members.unfinished(member(parts, 1))
    assert record is not None and record.reason == "stopped by SIGTERM"
    done = (member(parts, 0) / "results.json").stat().st_mtime_ns
    capsys.readouterr()

    sweep(parts, "sweep.resume=true")
    shown = capsys.readouterr().out
    assert f"{member(parts, 0)} is finished already" in shown
    assert f"resumes from {member(parts, 1)}/checkpoints/last.ckpt" in shown
    assert (member(parts, 0) / "results.json").stat().st_mtime_ns == done
    assert not list(parts.rglob(members.UNFINISHED))
    for seed in range(3):
        folders = [member(tmp_path / name, seed) for name in ("whole", "parts")]
        whole, record = [results(folder) for folder in folders]
        assert record["test"] == whole["test"]
        assert record["command"] == whole["command"]
        states = [torch.load(f / "checkpoints" / "last.ckpt")["state_dict"] for f in folders]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_member_that_fails_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(tmp_path, seed=1, step=3, error=RuntimeError("the cat\nsat on the cable"))
    shown = capsys.readouterr().out
    assert "1_sinusoid_maml_seed1: RuntimeError: the cat sat on the cable" in shown
    assert all((member(tmp_path, seed) / "results.json").exists() for seed in (0, 2))
    kept = json.loads((member(tmp_path, 1) / members.UNFINISHED).read_text())
    assert "in stops" in kept["traceback"]
    sweep(tmp_path, "sweep.resume=true")
    assert "3 seeds" in capsys.readouterr().out


def test_failed_members_set_the_exit_status(tmp_path: Path) -> None:
    overrides = (*SMALL, "inner.rate=0.1,-1", f"hydra.sweep.dir={tmp_path}")
    assert "1 of the 2 members" in mistake("train", *overrides)
    assert "1 of the 2 members" in mistake("train", *overrides, "sweep.resume=true")


def test_the_table_has_the_mean_over_seeds_with_its_interval(tmp_path: Path) -> None:
    sweep(tmp_path, "inner.steps=1,2")
    result = [results(folder) for folder in members.folders(tmp_path)]
    assert len(result) == 6
    with (tmp_path / "shown").open("w") as file:
        assert closing.close(tmp_path, Console(file=file, width=200)) is None
    shown = (tmp_path / "shown").read_text().splitlines()
    lines = [line for line in shown if "inner.steps=" in line]
    assert len(lines) == 2
    for line, steps in zip(lines, (1, 2), strict=True):
        mine = [f for f in result if f"inner.steps={steps}" in f["command"].split()]
        means = [f["test"]["mse"]["mean"] for f in mine]
        mean = sum(means) / 3
        deviation = math.sqrt(sum((m - mean) ** 2 for m in means) / 2)
        validation = sum(f["checkpoint"]["validation"]["mse"] for f in mine) / 3
        assert f"inner.steps={steps}" in line
        half = T_2 * deviation / math.sqrt(3)
        assert f"{validation:.4g}" in line and "3 seeds" in line
        assert mean_and_half(mean, half, Regression.metric) in line


def test_a_folder_holds_one_sweep(tmp_path: Path) -> None:
    sweep(tmp_path, seeds="0")
    again = (*SMALL, "seed=0", f"hydra.sweep.dir={tmp_path}")
    assert "holds a sweep already" in mistake("train", *again)
    message = mistake("train", *again, "sweep.resume=true", "inner.steps=3")
    assert "1 of the 1 members" in message
    record = members.unfinished(member(tmp_path, 0))
    assert record is not None and "another configuration" in record.reason
    assert results(member(tmp_path, 0))["test"], "what was there is kept"


def test_resuming_a_sweep_needs_its_folder() -> None:
    assert "hydra.sweep.dir=FOLDER" in mistake("train", *SMALL, "sweep.resume=true")


def test_a_launcher_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with mock.patch("innerloop.sweeping.watch.find_spec", return_value=None):
        message = mistake("train", *SMALL, "hydra/launcher=ray", f"hydra.sweep.dir={tmp_path}")
    assert "needs ray" in message and "[sweeps]" in message


def test_members_on_this_machine_take_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.setattr(gpus, "_folder", lambda: tmp_path / "locks")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    seen, inner = [], MetaLearner.outer_step
    monkeypatch.setattr(
        MetaLearner,
        "outer_step",
        lambda *given: (seen.append(os.environ["CUDA_VISIBLE_DEVICES"]), inner(*given))[1],
    )
    call("train", *SMALL[1:], f"hydra.run.dir={tmp_path / 'alone'}")
    assert set(seen) == {"5,6"}, "a run that is no member sees all"
    seen.clear()
    sweep(tmp_path / "sweep", seeds="0,1")
    assert set(seen) == {"5"}


def test_a_killed_member_is_distinguished_from_a_running_one(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from innerloop.machine import lock; "
        "from innerloop.sweeping import members; folder = Path(sys.argv[1]); "
        "lock.hold(folder); "
        "open = members.reason_kept(folder, 'python src/train.py seed=3'); open.__enter__(); "
        "print('runs', flush=True); sys.stdin.read()"
    )
    environment = {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == b"runs\n"
        record = members.unfinished(tmp_path)
        assert record is not None and record.reason == "is running"
        process.kill()
    record = members.unfinished(tmp_path)
    assert record is not None and "killed" in record.reason
    assert record.command == "python src/train.py seed=3"


def test_members_are_listed_in_numerical_order(tmp_path: Path) -> None:
    for name in ("10_b", "9_b", "100_a", "1_z"):
        members.write_reason(tmp_path / name, "", "")
    assert [f.name for f in members.folders(tmp_path)] == ["1_z", "9_b", "10_b", "100_a"]


def test_a_sweep_says_at_its_start_what_cannot_be_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(tmp_path / "a", "evaluation.scored_step=1,3", "outer.steps=0", seeds="0")
    shown = capsys.readouterr().out.splitlines()
    assert "evaluation.scored_step is 1 and 3" in shown[0]
    assert f"compare.py {tmp_path / 'a'}" in shown[-2] and "report.py" in shown[-1]


def test_members_of_a_grid_are_paired_by_what_their_tests_share() -> None:
    words = ("dataset=glyphs", "algorithm=maml,protonet", "seed=0,1", "episode.shots=1,5")
    (line,) = pairing.remarks(grid.members(words, {}))
    assert line.startswith("batch norms differ (transductive, running)")
    assert pairing.remarks(grid.members((*words, "norm=support"), {})) == []
    norms = grid.members((*words[:1], "norm=support,transductive"), {})
    (line,) = pairing.remarks(norms)
    assert line.startswith("batch norms differ (support, transductive)")
    steps = grid.members((*words, "norm=support", "evaluation.scored_step=1,10"), {})
    (line,) = pairing.remarks(steps)
    assert "evaluation.scored_step is 1 and 10" in line
    only = grid.members(("dataset=glyphs", "algorithm=protonet", "evaluation.scored_step=1,2"), {})
    assert pairing.remarks(only) == [], "a learner without steps is the same at any of them"
    assert pairing.remarks([("algorithm=nothing",)]) == []
