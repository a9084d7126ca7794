"""A run that is opened again at one of its tasks."""

import os
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from innerloop.callbacks.divergence import BEFORE
from innerloop.callbacks.kept import CHECKPOINTS
from innerloop.data.module import TaskData
from innerloop.errors import UserError
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run import restored
from innerloop.run.problem import build_problem
from innerloop.run.trained import learner_of, opened
from innerloop.tasks import Task

DATA = ("paths.data", "dataset.path", "dataset.data_dir")  #: options that say where data lie now
PLACES = "task=test/417, val/7, train/STEP or train/STEP/INDEX"


class Replayed(NamedTuple):
    """A run that is open, and the place of a task in it."""

    folder: Path
    checkpoint: Path
    learner: MetaLearner
    data: TaskData
    split: str
    number: int  #: index of the task, or the outer step
    chosen: int | None  #: index of a training task, where one was named
    progress: Tensor

    def ready(self, raw: Task) -> Task:
        """Tasks as the learner gets them."""
        return self.data.on_after_batch_transfer(raw, 0)


def open_run(run: Path, options: dict[str, str]) -> Replayed:
    """Rebuilds learner and data from a checkpoint's own record.

    Arguments:
        run: a run's folder, or one of its checkpoints.
        options: `task`, and where given `checkpoint` and those of `DATA`.

    Raises:
        UserError: for a task or a checkpoint that does not exist.
    """
    split, number, chosen = _place(options["task"])
    folder = run.parents[1] if run.is_file() else run
    path, content = opened(_checkpoint(run, options.get("checkpoint"), split, number))
    config = restored.from_file(content["innerloop"]["config"], path, _trusts(options))
    with restored.rebuilding(path):
        if split == "train" and number >= config.outer.steps:
            raise UserError(
                f"task={options['task']}: this training has {config.outer.steps} steps."
            )
        _move_data(config, options)
        problem = build_problem(config)
        learner = learner_of(content, config, problem).train(split == "train")
        now = learner.progress(number if split == "train" else content["innerloop"]["step"])
    problem.data.prepare_data()
    return Replayed(
        folder=folder,
        checkpoint=path,
        learner=learner,
        data=problem.data,
        split=split,
        number=number,
        chosen=chosen,
        progress=now,
    )


def _trusts(options: dict[str, str]) -> bool:
    if options.get("trust", "false") not in ("true", "false"):
        raise UserError(f"trust={options['trust']}: give true or false.")
    return options.get("trust") == "true"


def _place(task: str) -> tuple[str, int, int | None]:
    split, *numbers = task.split("/")
    most = 2 if split == "train" else 1
    fits = 1 <= len(numbers) <= most and all(n.isdecimal() for n in numbers)
    if split not in ("train", "val", "test") or not fits:
        raise UserError(f"task={task} names no task: give {PLACES}.")
    return split, int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else None


def _checkpoint(run: Path, name: str | None, split: str, number: int) -> Path:
    """The checkpoint that was asked for, or a run's folder for its best one."""
    before = run / CHECKPOINTS / BEFORE.format(number)
    if run.is_file():
        return run
    if name is None:
        return before if split == "train" and before.exists() else run
    return Path(name) if name.endswith(".ckpt") else run / CHECKPOINTS / f"{name}.ckpt"


def _move_data(config: DictConfig, options: dict[str, str]) -> None:
    """Data may lie elsewhere than when the run was made."""
    if "INNERLOOP_DATA" in os.environ:
        config.paths.data = os.environ["INNERLOOP_DATA"]
    for key in DATA:
        if key in options:
            OmegaConf.update(config, key, options[key])
