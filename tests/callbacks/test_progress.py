"""The progress of a run: two lines on a terminal, or lines in a file."""

import io
import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from outer_loop import STEPS, learner_of, wave_data
from rich.console import Console

from innerloop.callbacks.lines import Lines
from innerloop.callbacks.progress import Progress, best, speed, trained
from innerloop.machine import work
from innerloop.machine.bar import PAUSE, Bar
from innerloop.objectives import Metric

WIDTH = 80
NUMBERS = "accuracy 0.213 -> 0.671  loss 1.62 -> 0.914  best val/accuracy 0.702"


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=WIDTH, color_system=None)


@pytest.fixture
def bar(console: Console) -> Iterator[Bar]:
    bar = Bar(console)
    yield bar
    bar.stop()


def screen(console: Console) -> list[str]:
    """The lines that a terminal shows after the console's output."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", _written(console)):
        if piece == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece.startswith("\x1b[") and piece.endswith("A"):
            row -= int(piece[2:-1])
        elif not piece.startswith(("\x1b", "\r")):
            lines[row] += piece
    return [line.rstrip() for line in lines if line.strip()]


def _written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def run(progress: Progress) -> lightning.Trainer:
    trainer = lightning.Trainer(
        accelerator="cpu", devices=1, max_steps=STEPS, max_epochs=-1, logger=False,
        callbacks=[progress], enable_model_summary=False, enable_checkpointing=False,
        limit_val_batches=2, val_check_interval=2, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(learner_of(), wave_data())
    return trainer


def test_the_bar_fits_two_lines_of_a_narrow_terminal(console: Console, bar: Bar) -> None:
    bar.begin("Meta-training", 60000, done=12345)
    bar.draw(12345, "1240 tasks/s", NUMBERS)
    bar.draw(12500, "1240 tasks/s", NUMBERS)
    first, second = screen(console)
    assert re.fullmatch(r"Meta-training ━+╸? +12,500/60,000 1240 tasks/s \S+ left", first)
    assert len(first) <= WIDTH and second == NUMBERS
    bar.draw(12501, "1 tasks/s", NUMBERS * 3)
    assert len(screen(console)) == 2 and max(map(len, screen(console))) <= WIDTH


def test_messages_are_printed_on_their_own_lines(console: Console, bar: Bar) -> None:
    terminal = SimpleNamespace(write=pytest.fail, isatty=lambda: True, closed=False)
    handler = logging.StreamHandler(terminal)
    unopened = logging.FileHandler("nowhere.log", delay=True)
    logger = logging.getLogger("lightning.pytorch")
    unopened.setLevel(logging.CRITICAL)
    with (
        mock.patch.object(logger, "handlers", [handler, unopened]),
        mock.patch.object(logger, "propagate", False),  # other tests leave handlers behind
    ):
        bar.begin("Work", 3)
        bar.draw(1, reached="first")
        print("a message")
        logger.warning("a line of a log")
        bar.draw(2, reached="second")
        assert screen(console)[:2] == ["a message", "a line of a log"]
        assert screen(console)[3:] == ["second"] and len(screen(console)) == 4
        assert handler.stream is not terminal and unopened.stream is None
        bar.stop()
        assert handler.stream is terminal


def test_nested_bars_appear_and_disappear(console: Console, bar: Bar) -> None:
    bar.begin("Training", 10)
    bar.draw(4, reached="numbers")
    bar.begin("Validation", 2)
    bar.draw(1)
    assert [line.split()[0] for line in screen(console)] == ["Training", "Validation"]
    bar.end()
    bar.draw(5, reached="numbers")
    assert [line.split()[0] for line in screen(console)] == ["Training", "numbers"]
    bar.end()
    bar.begin("Test", 2)
    bar.draw(2)
    assert [line.split()[0] for line in screen(console)] == ["Training", "numbers", "Test"]


def test_the_bar_is_redrawn_at_fixed_intervals(console: Console) -> None:
    now = 0.0
    bar, drawn = Bar(console, lambda: now), 0
    bar.begin("Work", 1000)
    for step in range(1000):  # a hundred steps a second
        now += 0.01
        if bar.is_due(step):
            bar.draw(step)
            drawn += 1
    bar.stop()
    assert drawn == pytest.approx(10 / PAUSE, abs=10)  # rounding of the sum


def test_without_a_terminal_a_line_is_printed_every_few_steps(capsys: Any) -> None:
    run(Progress(every=2))
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Meta-training")]
    assert [line.split(",")[0] for line in lines] == [
        f"Meta-training {step}/{STEPS}" for step in range(2, STEPS + 1, 2)
    ]
    assert all(re.search(r"tasks/s, 0:00:\d\d left, mse \S+ -> \S+$", line) for line in lines)
    assert not any("\x1b" in line or "\r" in line for line in lines)


def test_time_left_is_estimated_from_steps_of_this_process(capsys: Any) -> None:
    now = 100.0
    lines = Lines(10, lambda: now)
    lines.begin("Work", 100, done=50)  # by an earlier process
    now += 40
    lines.draw(60)
    assert capsys.readouterr().out == "Work 60/100, 0:02:40 left\n"  # 4 seconds a step
    lines.draw(60)
    assert capsys.readouterr().out == ""


def test_the_bar_of_a_finished_run_shows_all_steps(console: Console) -> None:
    run(Progress(every=1, console=console))
    first, second = screen(console)[-2:]
    assert f"{STEPS}/{STEPS}" in first and re.match(r"mse \S+ -> \S+", second)


def test_only_the_first_process_prints(console: Console, capsys: Any) -> None:
    for progress in (Progress(every=1, console=console), Progress(every=1)):
        progress.disable()
        run(progress)
    assert _written(console) == "" and "Meta-training" not in capsys.readouterr().out


def test_an_error_restores_the_terminal(console: Console) -> None:
    progress = Progress(every=1, console=console)
    with (
        mock.patch.object(progress, "on_train_batch_end", side_effect=ArithmeticError),
        pytest.raises(ArithmeticError),
    ):
        run(progress)
    assert _written(console).rstrip().endswith("\x1b[?25h")  # the cursor is shown again


def test_logged_numbers_are_put_into_words() -> None:
    logged = {"train/a_before": 4.5123, "train/a": 0.1234, "train/skipped": 2.0, "val/a": 1.0}
    logged |= {"train/tasks_per_second": 8.0}
    assert [*trained(logged, Metric("b"))] == ["a 4.51 -> 0.123", "skipped 2"]
    percent = Metric("a", unit="%", scale=100.0)
    assert next(trained({"train/a": 0.671, "train/a_before": 0.2}, percent)) == "a 20 -> 67.1 %"
    assert [*best(0.702, 1500, percent)] == ["best validation 70.2 % at step 1,500"]
    assert [*best(0.702, None, percent)] == ["best validation 70.2 %"] and not [
        *best(None, 3, percent)
    ]
    assert speed({"train/tasks_per_second": 12345.6}) == "12,346 tasks/s"
    assert speed({"train/tasks_per_second": float("nan")}) == speed({}) == ""


def test_the_best_validation_and_its_step_are_shown(console: Console) -> None:
    scores = iter([0.5, 0.2, 0.4])
    keeps = ModelCheckpoint(monitor="val/mse")
    progress = Progress(every=1, console=console)
    trainer = mock.Mock(checkpoint_callbacks=[keeps], progress_bar_metrics={}, num_val_batches=[1])
    module = learner_of()
    trainer.global_step = 0
    progress.on_train_start(trainer, module)
    for step in (2, 4, 6):
        trainer.global_step = step
        progress.on_validation_start(trainer)
        progress.on_validation_end(trainer)
        score = next(scores)  # Lightning tells the callback that keeps checkpoints last
        keeps.best_model_score = min(torch.tensor(score), keeps.best_model_score or torch.inf)
        progress.on_train_end(trainer, module) if step == 6 else progress.on_train_batch_end(
            trainer, module
        )
    assert screen(console)[-1] == "best validation 0.2 at step 4"


def test_other_work_is_shown_within_a_training(console: Console, bar: Bar) -> None:
    bar.begin("Training", 10)
    bar.draw(4)
    with mock.patch.object(work, "bar", return_value=bar):
        with work.working("Compiling"):
            assert [line.split()[0] for line in screen(console)] == ["Training", "Compiling"]
            assert "0/1" not in screen(console)[1]
        bar.draw(5)
        assert len(screen(console)) == 1
        bar.end()
        shown = []
        for part in work.each("Audit", "abc", 3):
            shown.append((part, screen(console)[-1].split()[0]))
    assert shown == [("a", "Audit"), ("b", "Audit"), ("c", "Audit")]
    assert [line.split()[0] for line in screen(console)] == ["Training"]
