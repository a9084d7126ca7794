"""A training that resumes with another learning rate of the outer loop."""

import csv
from pathlib import Path
from unittest import mock

import pytest
import torch
from cli import call, mistake, train

from innerloop.outer.meta_learner import MetaLearner

FAST = ("debug=fast", "logger=csv", "log_every=1", "callbacks.last.steps=1")
SGD = "outer.optimizer={_target_: torch.optim.SGD, _partial_: true, lr: 0.1}"


def rates(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open() as file:
        return [float(row["train/rate"]) for row in csv.DictReader(file) if row["train/rate"]]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    state: dict[str, torch.Tensor] = content["state_dict"]
    return state


def interrupted(folder: Path, *overrides: str) -> None:
    """Stops in the fifth outer step."""
    outer_step = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: object, number: int) -> object:
        if number == 4:
            raise KeyboardInterrupt
        return outer_step(self, tasks, number)  # type: ignore[arg-type]

    with mock.patch.object(MetaLearner, "outer_step", stops), pytest.raises(SystemExit):
        train(folder, *FAST, "evaluation.validation.every=4", *overrides)


def test_a_rate_of_zero_leaves_the_weights_as_they_were(tmp_path: Path) -> None:
    interrupted(tmp_path, "outer.steps=8", SGD)
    before = weights(tmp_path)
    call("train", f"resume={tmp_path}", "outer.optimizer.lr=0.0")
    after = weights(tmp_path)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert rates(tmp_path) == pytest.approx([0.1] * 4 + [0.0] * 4)


def test_a_schedule_is_scaled_as_a_whole(tmp_path: Path) -> None:
    cosine = ("outer.steps=8", "schedule=cosine", "outer.optimizer.lr=0.01")
    train(tmp_path / "whole", *FAST, "evaluation.validation.every=4", *cosine)
    interrupted(tmp_path / "run", *cosine)
    call("train", f"resume={tmp_path / 'run'}", "outer.optimizer.lr=0.005")
    whole, run = rates(tmp_path / "whole"), rates(tmp_path / "run")
    assert len(set(whole)) == 8
    assert run == pytest.approx([*whole[:4], *[rate / 2 for rate in whole[4:]]], rel=1e-5)


def test_the_same_rate_changes_nothing(tmp_path: Path) -> None:
    train(tmp_path / "whole", *FAST, "outer.steps=8", "evaluation.validation.every=4")
    interrupted(tmp_path / "run", "outer.steps=8")
    call("train", f"resume={tmp_path / 'run'}", "outer.optimizer.lr=0.001")
    whole, run = weights(tmp_path / "whole"), weights(tmp_path / "run")
    assert all(torch.equal(run[name], value) for name, value in whole.items())


def test_the_kind_of_optimizer_stays(tmp_path: Path) -> None:
    interrupted(tmp_path, "outer.steps=8")
    other = mistake("train", f"resume={tmp_path}", "outer.optimizer._target_=torch.optim.SGD")
    assert "outer.optimizer.lr" in other
