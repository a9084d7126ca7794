"""Validation by the clock, with a clock that advances one minute in each outer step."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from cli import FAST, call, train
from cli import results as results_of

from innerloop.callbacks import validation_clock
from innerloop.callbacks.validation_clock import NEVER, ValidationClock
from innerloop.outer.meta_learner import MetaLearner

MINUTES = ("debug=fast", "logger=csv", "log_every=1", "evaluation.validation.every=1000")


class Clock:
    """A clock that stands still but for `minutes`."""

    def __init__(self) -> None:
        self.minutes = 0.0

    def monotonic(self) -> float:
        return 60 * self.minutes


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Replaces the clock of the callback; each outer step takes a minute."""
    clock, outer_step = Clock(), MetaLearner.outer_step

    def takes_a_minute(self: MetaLearner, tasks: object, number: int) -> object:
        clock.minutes += 1
        return outer_step(self, tasks, number)  # type: ignore[arg-type]

    with (
        mock.patch.object(validation_clock, "time", clock),
        mock.patch.object(MetaLearner, "outer_step", takes_a_minute),
    ):
        yield clock


def validated(folder: Path) -> list[int]:
    """The outer steps after which a run validated."""
    with (folder / "metrics.csv").open() as file:
        return [int(row["step"]) for row in csv.DictReader(file) if row.get("val/mse")]


def test_validates_when_the_minutes_are_over_and_after_the_last_step(
    tmp_path: Path, clock: Clock
) -> None:
    train(tmp_path, *MINUTES, "outer.steps=8", "evaluation.validation.minutes=3")
    steps = validated(tmp_path)
    assert [b - a for a, b in itertools.pairwise(steps)] == [3, 2]
    assert results_of(tmp_path)["checkpoint"]["step"] in (3, 6, 8)


def test_a_resumed_run_validates_where_an_uninterrupted_one_does(
    tmp_path: Path, clock: Clock
) -> None:
    """Stopped in the fifth step, a minute after the validation of the third; out for an hour."""
    steps = ("outer.steps=8", "callbacks.last.steps=1", "evaluation.validation.minutes=3")
    settings = (*MINUTES, *steps)
    train(tmp_path / "whole", *settings)
    working = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: object, number: int) -> object:
        if number == 4:
            raise KeyboardInterrupt
        return working(self, tasks, number)  # type: ignore[arg-type]

    with mock.patch.object(MetaLearner, "outer_step", stops), pytest.raises(SystemExit):
        train(tmp_path / "run", *settings)
    clock.minutes += 60
    call("train", f"resume={tmp_path / 'run'}")
    assert validated(tmp_path / "run") == validated(tmp_path / "whole")
    scores = [results_of(tmp_path / name)["test"]["mse"]["mean"] for name in ("run", "whole")]
    assert scores[0] == scores[1]


def test_processes_decide_together(clock: Clock) -> None:
    """A process whose own clock is behind validates because another one does."""
    together = SimpleNamespace(reduce_boolean_decision=lambda late, all: True)
    trainer = SimpleNamespace(global_step=4, max_steps=10, strategy=together, val_check_batch=NEVER)
    watch = ValidationClock(minutes=5, every=2)
    watch.on_train_batch_end(trainer)  # type: ignore[arg-type]
    assert trainer.val_check_batch == 1
    trainer.global_step = 5  # not a step at which the processes look at the clock
    watch.on_train_batch_end(trainer)  # type: ignore[arg-type]
    assert trainer.val_check_batch == NEVER


def test_without_minutes_the_steps_decide(tmp_path: Path) -> None:
    torch.manual_seed(0)
    train(tmp_path, *FAST, "logger=csv", "outer.steps=4", "evaluation.validation.every=2")
    assert len(validated(tmp_path)) == 2
