"""Small trainings that are killed at a chosen moment, and comparisons of the files they wrote.

A training runs in a fork of this process, so that a kill ends nothing else and starting is fast. At
each step its weights are moved by random numbers of Python, NumPy and PyTorch, so that a run which
resumes with other random numbers ends with other weights.
"""

import csv
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import lightning
import numpy as np
import torch
from cli import call

from innerloop.callbacks import checkpoint_file
from innerloop.experiment import outcome
from innerloop.machine import files
from innerloop.outer.meta_learner import MetaLearner

SMALL = (
    "outer.steps=40", "outer.tasks=2", "evaluation.validation.every=15", "log_every=5",
    "evaluation.validation.tasks=6", "evaluation.tasks=6", "evaluation.batch=2",
    "evaluation.audit=2", "diagnostics.test_tasks=2", "callbacks.last.steps=7", "trainer=cpu",
    "outer.scheduler={_target_: torch.optim.lr_scheduler.LinearLR, _partial_: true, "
    "total_iters: 40}", "+callbacks.shaken._target_=killing.Shaken", "~callbacks.progress",
)  # fmt: skip
MOMENTS = ("step", "validation", "write", "rename", "test", "any")
TIMING = ("seconds", "tasks_per_second", "git")


class Kill(NamedTuple):
    """Sends the training a signal when it reaches a moment for the `count`-th time.

    Moments: a gradient is there and the weights have not moved yet; a batch of validation or of
    the test; a piece of a checkpoint is written; a file is about to get its name; or, for `any`,
    `count` milliseconds after the training started.
    """

    moment: str
    count: int
    signal: int = signal.SIGKILL


class Shaken(lightning.Callback):
    """Moves a weight by random numbers, and also draws some during validation."""

    def on_before_optimizer_step(self, trainer: Any, module: Any, *_: Any) -> None:
        with torch.no_grad():
            shift = random.random() + np.random.rand() + float(torch.rand(()))  # noqa: NPY002
            next(module.parameters()).view(-1)[0] += 1e-3 * trainer.strategy.broadcast(shift)

    def on_validation_batch_start(self, *_: Any) -> None:
        torch.rand(())


class StopsOne(lightning.Callback):
    """Sends one of several processes a signal: `KILL="RANK SIGNAL STEP"`.

    That is within the step or, if there is one after so many steps, within the validation.
    """

    def on_before_optimizer_step(self, trainer: Any, module: Any, *_: Any) -> None:
        self._stop(trainer)

    def on_validation_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        self._stop(trainer)

    def _stop(self, trainer: Any) -> None:
        rank, number, step = map(int, os.environ["KILL"].split())
        if (trainer.global_rank, trainer.global_step) == (rank, step):
            os.kill(os.getpid(), number)


def train(folder: Path, *arguments: str, kill: Kill | None = None) -> int:
    """Runs `src/train.py` in a fork; returns its status, negative if a signal ended it."""
    child = os.fork()
    if child == 0:
        os._exit(_status(folder, arguments, kill))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fresh(folder: Path, *more: str, kill: Kill | None = None) -> int:
    """Starts the small training in a folder."""
    return train(folder, *SMALL, f"hydra.run.dir={folder}", *more, kill=kill)


def resumed(folder: Path, kill: Kill | None = None) -> int:
    """Resumes it."""
    return train(folder, f"resume={folder}", "trust=true", kill=kill)  # the callback of these tests


def _status(folder: Path, arguments: tuple[str, ...], kill: Kill | None) -> int:
    with (folder.parent / f"{folder.name}.out").open("a") as shown:
        for stream in (sys.__stdout__, sys.__stderr__):
            os.dup2(shown.fileno(), stream.fileno())  # type: ignore[union-attr]
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # type: ignore[assignment]
    try:
        with _killed(kill):
            call("train", *arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, flush=True)
            return 1
        return end.code or 0
    except BaseException:
        import traceback

        traceback.print_exc()
        return 99
    return 0


def _killed(kill: Kill | None) -> Any:
    """While open, this process gets the signal at its moment."""
    if kill is None:
        return mock.patch.object(lightning, "unused", None, create=True)
    left = iter(range(kill.count, 0, -1))

    def before(call: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            if next(left, 0) == 1:
                os.kill(os.getpid(), kill.signal)
            return call(*arguments, **options)

        return counted

    if kill.moment == "any":
        timer = threading.Timer(kill.count / 1000, os.kill, (os.getpid(), kill.signal))
        timer.daemon = True
        return mock.patch.object(MetaLearner, "on_fit_start", side_effect=timer.start)
    if kill.moment == "write":

        class Pieces:
            """A file whose writes are counted."""

            def __init__(self, file: Any) -> None:
                self.file, self.write = file, before(file.write)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.file, name)

        save = torch.save
        return mock.patch.object(
            checkpoint_file.torch, "save", lambda content, file: save(content, Pieces(file))
        )
    owner, name = {
        "step": (MetaLearner, "_limit"),
        "validation": (MetaLearner, "validation_step"),
        "test": (MetaLearner, "test_step"),
        "rename": (files.os, "replace"),
        "results": (outcome.results, "write_json"),
    }[kill.moment]
    return mock.patch.object(owner, name, before(getattr(owner, name)))


def differences(folder: Path, whole: Path) -> list[str]:
    """The names of everything in `folder` that differs in any bit from an uninterrupted run."""
    return [name for name, ours, theirs in _compared(folder, whole) if not _equal(ours, theirs)]


def _compared(folder: Path, whole: Path) -> Iterator[tuple[str, Any, Any]]:
    for name in ("best", "last"):
        ours, theirs = (
            torch.load(f / "checkpoints" / f"{name}.ckpt", weights_only=True)
            for f in (folder, whole)
        )
        for key in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
            yield f"{name} {key}", ours[key], theirs[key]
        yield f"{name} random", *(c["callbacks"]["Recovery"]["random"] for c in (ours, theirs))
        yield f"{name} validation", *(c["innerloop"]["validation"] for c in (ours, theirs))
    yield "results", *(_results(f) for f in (folder, whole))
    yield "log", *(_rows(f) for f in (folder, whole))
    ours, theirs = (dict(np.load(f / "scores.npz")) for f in (folder, whole))
    yield "scores", ours, theirs


def _results(folder: Path) -> dict[str, Any]:
    result = json.loads((folder / "results.json").read_text())
    plain = result["command"].split(" hydra.run.dir=")[0]
    return {k: v for k, v in result.items() if k not in TIMING} | {"command": plain}


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if "per_second" not in k} for row in rows]


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_equal(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    if isinstance(ours, torch.Tensor):
        return ours.dtype == theirs.dtype and torch.equal(ours, theirs)
    if isinstance(ours, np.ndarray):
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=True)
    return ours == theirs or (ours != ours and theirs != theirs)
