"""Results are written first; what follows may fail, and `resume=` completes it."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from cli import call, evaluate, results, train
from killing import Kill, differences, fresh, resumed

from innerloop.callbacks import inside_log
from innerloop.evaluation import audit
from innerloop.experiment import outcome
from innerloop.outer.meta_learner import MetaLearner
from innerloop.reporting.figures import Figures

pytestmark = pytest.mark.figures

FAST = ("debug=fast", "logger=csv", "trainer=cpu", "engine.compile=false")
PARTS = {
    "diagnostics": (inside_log.diagnostics, "measure", "diagnostics.json"),
    "audit": (audit, "audit", None),
    "figures/tasks": (Figures, "histogram", "figures/tasks.png"),
    "figures": (outcome.pictures, "send", None),
    "loggers": (outcome.trackers, "complete", None),
}


def fails(*_: Any, **__: Any) -> Any:
    raise RuntimeError("the cat\nsat on \x1b]52;c;aGk=\x07 the cable")


@pytest.mark.parametrize(
    "part",
    [p if p in ("audit", "figures") else pytest.param(p, marks=pytest.mark.slow) for p in PARTS],
)
def test_a_failed_part_costs_nothing_else_and_is_repeated_by_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    owner, name, file = PARTS[part]
    off = ("diagnostics.validation_tasks=0",)
    with mock.patch.object(owner, name, fails):
        train(tmp_path, *FAST, *off)
    warnings = [line for line in capsys.readouterr().out.splitlines() if "Warning" in line]
    assert len(warnings) == 1 and part in warnings[0] and "the cat sat on" in warnings[0]
    assert f"resume={tmp_path}" in warnings[0] and not {"\x1b", "\x07"} & {*warnings[0]}
    result = results(tmp_path)
    assert result["missing"] == [part] and (result["audit"] is None) == (part == "audit")
    with np.load(tmp_path / "scores.npz") as kept:
        mean = float(kept["mse"].astype(np.float64).mean())
    assert result["test"]["mse"]["mean"] == pytest.approx(mean, rel=1e-6)
    assert file is None or not (tmp_path / file).exists()
    for other in ("figures/learning.png", "adaptation.png"):
        assert (tmp_path / other).exists()

    with mock.patch.object(MetaLearner, "outer_step", fails):  # it does not train again
        call("train", f"resume={tmp_path}")
    again = results(tmp_path)
    assert again["missing"] == [] and again["audit"]["tasks"] == 2
    assert again["test"] == result["test"]
    assert file is None or (tmp_path / file).exists()


def test_the_traceback_is_shown_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNERLOOP_FULL_ERROR", "1")
    with mock.patch.object(audit, "audit", fails):
        train(tmp_path, *FAST)
    assert "in fails" in capsys.readouterr().err


def test_diagnostics_that_fail_in_validation_do_not_end_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch.object(inside_log.diagnostics, "measure", fails):
        result = train(tmp_path, *FAST)
    warnings = [line for line in capsys.readouterr().out.splitlines() if "Warning" in line]
    assert "diagnostics of validation failed" in warnings[0] and len(warnings) == 2
    assert result["missing"] == ["diagnostics"]


def test_a_failing_audit_of_a_test_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "run", *FAST)
    with mock.patch.object(audit, "audit", fails):
        result = evaluate(tmp_path / "test", f"ckpt_path={tmp_path / 'run'}")
    assert "the same command does it again" in capsys.readouterr().out
    assert result["missing"] == ["audit"]


def test_a_sweep_completes_a_member_with_a_failed_part(tmp_path: Path) -> None:
    sweep = ("--multirun", "seed=0", f"hydra.sweep.dir={tmp_path}", *FAST)
    with mock.patch.object(audit, "audit", fails):
        call("train", *sweep)
    member = tmp_path / "0_sinusoid_maml_seed0"
    assert results(member)["missing"] == ["audit"]
    with mock.patch.object(MetaLearner, "outer_step", fails):
        call("train", *sweep, "sweep.resume=true")
    assert results(member)["missing"] == []


@pytest.mark.parametrize("count", [1, *[pytest.param(n, marks=pytest.mark.slow) for n in (2, 3)]])
def test_a_kill_while_writing_leaves_no_results_or_complete_ones(
    tmp_path: Path, count: int
) -> None:
    """Killed before results.json is written the first, second or third time."""
    assert fresh(tmp_path / "whole") == 0
    assert fresh(tmp_path / "run", kill=Kill("results", count)) == -9
    file = tmp_path / "run" / "results.json"
    assert file.exists() == (count > 1)
    assert (tmp_path / "run" / "scores.npz").exists()
    if count > 1:
        result = json.loads(file.read_text())
        assert result["test"] == results(tmp_path / "whole")["test"]
        assert "audit" in result["missing"] and result["audit"] is None
    assert resumed(tmp_path / "run") == 0
    assert differences(tmp_path / "run", tmp_path / "whole") == []
