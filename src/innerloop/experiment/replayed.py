"""A finished run, opened again at one of its tasks."""

import os
from pathlib import Path
from typing import Annotated, NamedTuple

from omegaconf import DictConfig, OmegaConf
from pydantic import Field
from torch import Tensor

from innerloop.callbacks.divergence import BEFORE
from innerloop.callbacks.kept import CHECKPOINTS
from innerloop.data.module import TaskData
from innerloop.errors import UserError
from innerloop.experiment import restored
from innerloop.experiment.problem import build_problem
from innerloop.experiment.trained import learner_of, open_checkpoint
from innerloop.outer.meta_learner import MetaLearner
from innerloop.startup.arguments import Arguments, Flag
from innerloop.tasks import Task

PLACES = "task=test/417, val/7, train/STEP or train/STEP/INDEX"


class ReplayArguments(Arguments):
    """Arguments of replay.py besides the run; the dotted keys say where the data are now."""

    task: Annotated[str | None, Field(description=PLACES)] = None
    checkpoint: Annotated[str | None, Field(description="last, best or FILE.ckpt")] = None
    top: Annotated[int, Field(description="the number of tasks to list, such as 10", ge=1)] = 10
    trust: Flag = False
    data: Annotated[str | None, Field(alias="paths.data", description="a folder")] = None
    path: Annotated[str | None, Field(alias="dataset.path", description="a folder")] = None
    data_dir: Annotated[str | None, Field(alias="dataset.data_dir", description="a folder")] = None

    def moved(self) -> dict[str, str]:
        """Where the data are now, by dotted key."""
        keys = {"data", "path", "data_dir"}
        return self.model_dump(include=keys, by_alias=True, exclude_none=True)


class Replayed(NamedTuple):
    """An opened run, and the place of a task in it.

    Arguments:
        folder: of the run.
        checkpoint: the file that was read.
        config: of the run.
        number: index of the task, or the outer step.
        chosen: index of a training task; None if the user named only the step.
        progress: how far the training was, in 0..1.
    """

    folder: Path
    checkpoint: Path
    config: DictConfig
    learner: MetaLearner
    data: TaskData
    split: str
    number: int
    chosen: int | None
    progress: Tensor

    def ready(self, raw: Task) -> Task:
        """Tasks as the learner receives them."""
        return self.data.on_after_batch_transfer(raw, 0)


def open_run(run: Path, task: str, given: ReplayArguments) -> Replayed:
    """Rebuilds learner and data from the record in a checkpoint.

    Arguments:
        run: a run's folder, or one of its checkpoints.
        task: one of `PLACES`.
        given: the other arguments of replay.py.

    Raises:
        UserError: for a task or a checkpoint that does not exist.
    """
    split, number, chosen = _place(task)
    folder = run.parents[1] if run.is_file() else run
    path, content = open_checkpoint(_checkpoint(run, given.checkpoint, split, number))
    config = restored.from_file(content["innerloop"]["config"], path, given.trust)
    with restored.rebuilding(path):
        if split == "train" and number >= config.outer.steps:
            raise UserError(f"task={task}: this training has {config.outer.steps} steps.")
        _move_data(config, given)
        problem = build_problem(config)
        learner = learner_of(content, config, problem).train(split == "train")
        now = learner.progress(number if split == "train" else content["innerloop"]["step"])
    problem.data.prepare_data()
    return Replayed(
        folder=folder,
        checkpoint=path,
        config=config,
        learner=learner,
        data=problem.data,
        split=split,
        number=number,
        chosen=chosen,
        progress=now,
    )


def _place(task: str) -> tuple[str, int, int | None]:
    split, *numbers = task.split("/")
    most = 2 if split == "train" else 1
    fits = 1 <= len(numbers) <= most and all(n.isdecimal() for n in numbers)
    if split not in ("train", "val", "test") or not fits:
        raise UserError(f"task={task} is not a task: give {PLACES}.")
    return split, int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else None


def _checkpoint(run: Path, name: str | None, split: str, number: int) -> Path:
    """The checkpoint that the user chose, or the run's folder, which stands for its best one."""
    before = run / CHECKPOINTS / BEFORE.format(number)
    if run.is_file():
        return run
    if name is None:
        return before if split == "train" and before.exists() else run
    return Path(name) if name.endswith(".ckpt") else run / CHECKPOINTS / f"{name}.ckpt"


def _move_data(config: DictConfig, given: ReplayArguments) -> None:
    """Replaces the places of the data, which may have moved since the run."""
    if "INNERLOOP_DATA" in os.environ:
        config.paths.data = os.environ["INNERLOOP_DATA"]
    for key, place in given.moved().items():
        OmegaConf.update(config, key, place)
