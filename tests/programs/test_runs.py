"""Whole runs: the files they write, evaluation, resuming, sweeps, loggers and help."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli import FAST, call, evaluate, mistake, results, train
from helpers import CONF, ROOT

from innerloop.callbacks.csv_log import rewind
from innerloop.programs import estimate

SMALL = ("debug=fast", "outer.steps=6", "evaluation.validation.every=2")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    checkpoint = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    state: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return state


@pytest.mark.figures
def test_a_run_writes_all_its_files(tmp_path: Path) -> None:
    result = train(tmp_path, *SMALL)
    for file in ("config.yaml", "metrics.csv", "adaptation.png", "results.json"):
        assert (tmp_path / file).stat().st_size > 0
    with np.load(tmp_path / "scores.npz") as scores:
        for step in (0, 10):
            mean = float(scores["curve/mse"][:, step].mean())
            assert result["test"][f"mse/step_{step}"]["mean"] == pytest.approx(mean, rel=1e-5)
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {
        "best.ckpt", "best-1.ckpt", "last.ckpt", "last-1.ckpt",
    }  # fmt: skip
    for key in ("schema", "algorithm", "dataset", "model", "norm", "engine", "episode", "seed",
                "protocol", "test", "seconds", "tasks_per_second", "versions", "git"):  # fmt: skip
        assert key in result
    assert set(result["protocol"]) >= {"split", "tasks", "scored_step", "selected_by", "hash"}
    assert set(result["test"]) == {"mse", *(f"mse/step_{k}" for k in range(11))}
    assert result["test"]["mse"]["mean"] == result["test"]["mse/step_10"]["mean"]
    assert {"mean", "ci95", "tasks"} <= set(result["test"]["mse"])
    logged = rows(tmp_path)
    for name in ("train/mse_before", "train/mse", "train/tasks_per_second", "val/mse", "test/mse"):
        assert any(row[name] for row in logged)


def test_the_same_seed_repeats_a_run_and_another_does_not(tmp_path: Path) -> None:
    tests = [train(tmp_path / str(i), f"seed={s}", *FAST)["test"] for i, s in enumerate((1, 1, 2))]
    assert tests[0] == tests[1]
    assert tests[0] != tests[2]


def test_the_last_steps_are_validated_even_within_an_interval(tmp_path: Path) -> None:
    result = train(tmp_path, *SMALL, "outer.steps=5", "logger=csv")
    assert [int(r["step"]) for r in rows(tmp_path) if r["val/mse"]] == [2, 4, 5]
    assert result["checkpoint"]["step"] in (2, 4, 5)
    assert len([r for r in rows(tmp_path) if r["train/mse"]]) == 5


def test_a_sweep_optimises_the_validation_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from innerloop.programs import train as program

    returned, inner = [], program.train
    monkeypatch.setattr(program, "train", lambda config: returned.append(inner(config)))
    result = train(tmp_path, *SMALL, "logger=csv")
    values = [float(r["val/mse"]) for r in rows(tmp_path) if r["val/mse"]]
    assert returned == [pytest.approx(min(values), rel=1e-5)]
    assert result["checkpoint"]["validation"]["mse"] == returned[0] != result["test"]["mse"]["mean"]
    assert result["checkpoint"]["step"] == 2 * (1 + values.index(min(values)))


@pytest.mark.parametrize("name", ["maml", "protonet", "meta_sgd"])
def test_evaluating_the_checkpoint_gives_the_same_number(tmp_path: Path, name: str) -> None:
    trained = train(tmp_path / "run", f"algorithm={name}", "dataset=glyphs", *FAST)
    tested = evaluate(tmp_path / "test", f"ckpt_path={tmp_path / 'run'}", "logger=none")
    assert tested["test"] == trained["test"]
    assert tested["protocol"] == trained["protocol"]
    assert tested["algorithm"] == name
    file = tmp_path / "run" / "checkpoints" / "best.ckpt"
    other = evaluate(tmp_path / "more", f"ckpt_path={file}", "logger=none", "evaluation.tasks=6")
    assert other["protocol"]["tasks"] == 6
    assert other["protocol"]["hash"] != trained["protocol"]["hash"]


def test_a_test_replaces_an_earlier_test_but_no_training(tmp_path: Path) -> None:
    run, folder = tmp_path / "run", tmp_path / "test"
    kept = train(run, "debug=fast")
    evaluate(folder, f"ckpt_path={run}")
    evaluate(folder, f"ckpt_path={run}", "diagnostics.test_tasks=0")
    assert not (folder / "diagnostics.json").exists()
    assert sum(bool(row["test/mse"]) for row in rows(folder)) == 1
    message = mistake("evaluate", f"ckpt_path={run}", f"hydra.run.dir={run}")
    assert "replace its results" in message and results(run) == kept


def test_evaluating_with_other_tasks(tmp_path: Path) -> None:
    train(tmp_path / "run", "algorithm=protonet", "dataset=glyphs", *FAST)
    run = (f"ckpt_path={tmp_path / 'run'}", "logger=none")
    result = evaluate(tmp_path / "test", *run, "episode.test.ways=9", "episode.test.shots=3")
    assert result["episode"]["test"] == {"ways": 9, "shots": 3, "queries": 5}
    assert result["command"].startswith("python src/evaluate.py ckpt_path=")


def test_the_protocol_does_not_depend_on_the_run(tmp_path: Path) -> None:
    first = train(tmp_path / "a", "algorithm=protonet", "dataset=glyphs", "seed=3", *FAST)
    second = train(tmp_path / "b", "algorithm=anil", "dataset=glyphs", "outer.tasks=3", *FAST)
    third = train(tmp_path / "c", "algorithm=anil", "dataset=glyphs", "episode.test.shots=2", *FAST)
    assert first["protocol"]["hash"] == second["protocol"]["hash"] != third["protocol"]["hash"]


def test_a_resumed_run_equals_one_that_never_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "whole", *SMALL, "logger=csv")
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path / "parts", 4, *SMALL, "logger=csv")
    (tmp_path / "parts").rename(tmp_path / "moved")
    call("train", f"resume={tmp_path / 'moved'}")
    assert "last.ckpt, outer step 4" in capsys.readouterr().out, "and not from the beginning"
    for key, value in weights(tmp_path / "whole").items():
        assert torch.equal(weights(tmp_path / "moved")[key], value)
    assert results(tmp_path / "moved")["test"] == results(tmp_path / "whole")["test"]
    curves = [
        {r["step"]: r["train/mse"] for r in rows(tmp_path / name) if r["train/mse"]}
        for name in ("moved", "whole")
    ]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 6


def test_resuming_remembers_the_best_so_far(tmp_path: Path) -> None:
    # The loss rises after the second step, so that the first of three validations is the best.
    ruin = (
        "outer.scheduler={_target_: torch.optim.lr_scheduler.StepLR, _partial_: true, "
        "step_size: 2, gamma: -30}"
    )
    train(tmp_path / "whole", *SMALL, ruin, "logger=csv")
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path / "parts", 5, *SMALL, ruin, "logger=csv")
    (tmp_path / "parts").rename(tmp_path / "moved")
    call("train", f"resume={tmp_path / 'moved'}")
    result, whole = results(tmp_path / "moved"), results(tmp_path / "whole")
    assert result["checkpoint"] == whole["checkpoint"]
    assert result["checkpoint"]["step"] == 2
    assert result["test"] == whole["test"]
    logs = [[r["step"] for r in rows(tmp_path / n) if r["val/mse"]] for n in ("moved", "whole")]
    assert logs[0] == logs[1] == ["2", "4", "6"]


def test_a_log_truncated_by_a_kill_is_read(tmp_path: Path) -> None:
    log = tmp_path / "metrics.csv"
    for content, kept in (
        ("step,train/mse\n1,1.0\n2,2.0\n3,3", ["1", "2"]),
        ("step,train/mse\n1,1.0\n2", ["1"]),
        ("step,train/mse\n5,1.0\n", None),
        ("", None),
        ("st", None),
    ):
        log.write_text(content)
        rewind(tmp_path, 2)
        assert log.exists() == (kept is not None)
        assert kept is None or [row["step"] for row in rows(tmp_path)] == kept


def _interrupted(folder: Path, step: int, *overrides: str) -> None:
    """Trains until `step`, as if the process had ended then."""
    from unittest import mock

    from innerloop.outer.meta_learner import MetaLearner

    outer_step = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: object, number: int) -> object:
        if number == step:
            raise SystemExit
        return outer_step(self, tasks, number)  # type: ignore[arg-type]

    with mock.patch.object(MetaLearner, "outer_step", stops):
        try:
            train(folder, *overrides)
        except SystemExit:
            raise KeyboardInterrupt from None


def test_resuming_before_the_first_checkpoint_starts_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path, 1, *SMALL)
    call("train", f"resume={tmp_path}")
    assert "no checkpoint yet" in capsys.readouterr().out
    assert results(tmp_path)["outer"]["steps"] == 6
    assert results(tmp_path)["command"].startswith("python src/train.py debug=fast")


def test_a_sweep_runs_every_member_into_its_own_folder(tmp_path: Path) -> None:
    call(
        "train", "--multirun", "algorithm=maml,protonet", "episode.shots=1,2", "seed=0,1",
        "dataset=glyphs", f"hydra.sweep.dir={tmp_path}", *FAST,
    )  # fmt: skip
    contents = [json.loads(p.read_text()) for p in tmp_path.glob("*/results.json")]
    members = {(f["algorithm"], f["episode"]["shots"], f["seed"]) for f in contents}
    assert len(members) == 8


def test_several_loggers_at_once(tmp_path: Path) -> None:
    train(tmp_path, "debug=fast", "logger=[csv,tensorboard]")
    assert (tmp_path / "metrics.csv").exists()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_an_outside_package_adds_an_algorithm_a_data_set_and_a_model(tmp_path: Path) -> None:
    outside = Path(__file__).parents[1] / "outside"
    command = [
        sys.executable, str(ROOT / "src" / "train.py"), f"hydra.searchpath=[file://{outside}/conf]",
        "algorithm=mean_head", "dataset=ramps", "model=wide", f"hydra.run.dir={tmp_path}", *FAST,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(outside)}
    )
    assert done.returncode == 0, done.stderr
    result = results(tmp_path)
    assert (result["algorithm"], result["dataset"], result["model"]) == (
        "mean_head",
        "ramps",
        "wide",
    )


def test_help_lists_groups_and_choices_from_any_directory(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "src" / "train.py")]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert shown.returncode == 0
    for group in ("algorithm", "dataset", "model", "trainer", "engine", "logger"):
        names = ", ".join(sorted(p.stem for p in (CONF / group).glob("*.yaml")))
        assert f"{group}: {names}" in shown.stdout
    job = subprocess.run([*command, "--cfg", "job"], capture_output=True, text=True, cwd=tmp_path)
    assert "rate: 0.01" in job.stdout
    shell = subprocess.run([*command, "-sc", "install=bash"], capture_output=True, text=True)
    assert "complete" in shell.stdout


def test_two_processes_equal_one_process(tmp_path: Path) -> None:
    alone = train(tmp_path / "alone", *SMALL, "algorithm=maml", "trainer=cpu", "threads=1")
    command = [
        sys.executable, str(ROOT / "src" / "train.py"), *SMALL, "trainer=ddp",
        "trainer.accelerator=cpu", "trainer.devices=2", f"hydra.run.dir={tmp_path / 'both'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    both = results(tmp_path / "both")
    assert done.stdout.count("results go to") == 1
    assert both["protocol"] == alone["protocol"]
    for key, entry in alone["test"].items():
        assert both["test"][key]["mean"] == pytest.approx(entry["mean"], rel=1e-4), key
    assert len(rows(tmp_path / "both")) == len(rows(tmp_path / "alone"))


def test_a_terminated_run_says_how_to_resume(tmp_path: Path) -> None:
    command = [
        sys.executable, str(ROOT / "src" / "train.py"), "engine.compile=false", "log_every=1",
        "logger=none", f"hydra.run.dir={tmp_path}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = ""
        while "Meta-training" not in shown:  # until training has begun
            more = process.stdout.read(1)
            assert more, shown
            shown += more
        process.terminate()
        shown, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + 15
    assert f"resume={tmp_path}" in shown


def test_an_estimate_says_what_a_sweep_costs(tmp_path: Path, capsys: Any) -> None:
    call(
        "train",
        "--multirun",
        "estimate=true",
        f"hydra.sweep.dir={tmp_path}",
        "engine.compile=false",
        "outer.steps=100,3000",
        "seed=range(3)",
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if "a sweep of" in line]
    assert len(lines) == 6 and all("; a sweep of 6: " in line for line in lines)
    assert estimate.total(estimate.Cost(5.04, 135 * 2**20), 3000, 6) == (
        "3,000 steps: about 4.2 h, 135 MB; a sweep of 6: 25 h"
    )
    assert [estimate.duration(s) for s in (3.21, 99, 120, 86400, 864000)] == [
        "3.2 s", "99 s", "2 min", "24 h", "10 days",
    ]  # fmt: skip


def test_an_estimate_trains_nothing_and_lists_the_engines(tmp_path: Path, capsys: Any) -> None:
    call(
        "train",
        "estimate=true",
        f"hydra.run.dir={tmp_path}",
        "outer.tasks=6",
        "engine.compile=false",
    )
    shown = capsys.readouterr().out
    lines = [line.split() for line in shown.splitlines() if "ms," in line]
    assert [line[0] for line in lines] == ["engine.chunk=1,", "engine.chunk=4,", "engine.chunk=6,"]
    assert all(float(line[2]) > 0 and float(line[4]) > 0 for line in lines)
    assert re.fullmatch(r"15,000 steps: about \S+ (s|min|h), \S+ MB", shown.splitlines()[-1])
    assert not (tmp_path / "checkpoints").exists() and not (tmp_path / "config.yaml").exists()
