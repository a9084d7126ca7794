"""Builders for tests of the outer loop: float64 data, Lightning's trainer, and learners."""

import functools
from typing import Any

import lightning
import numpy as np
import torch
from helpers import algorithm, tasks
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.data.module import TaskData
from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.data.source import TaskSource
from innerloop.engines.engine import Engine
from innerloop.models.mlp import MLP
from innerloop.outer.meta_learner import MetaLearner
from innerloop.tasks import Episode, Examples, Task

RATE, STEPS, TASKS = 0.05, 4, 6


class Waves(Sinusoid):
    """Sinusoids in float64 over -1..1."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = super().tasks(split, indices, episode, seed)
        return Task(*[Examples(x.double() / 5, y.double()) for x, y in drawn])


class Blobs(TaskSource):
    """Classes of small images in float64."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        with torch.random.fork_rng():
            torch.manual_seed(int(indices[0]))
            return tasks(len(indices), *episode.numbers, shape=(1, 4, 4))

    def fingerprint(self, split: str) -> str:
        return "blobs"


class ExactGlyphs(Glyphs):
    """Drawn characters in float64."""

    def transform(self, inputs: Tensor) -> Tensor:
        return inputs.double() / 255


class Spy(Engine):
    """Records the calls of the outer loop."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Task, float]] = []

    def meta_gradient(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> Any:
        self.seen.append((tasks, float(progress)))
        return super().meta_gradient(algorithm, tasks, progress)


def wave_data() -> TaskData:
    return data_of(Waves(), Episode(1, 5, 5), Episode(1, 5, 10))


def blob_data() -> TaskData:
    return data_of(Blobs(), Episode(3, 2, 2), Episode(3, 2, 2))


def plain_data(size: int = 4) -> TaskData:
    """Plain batches of three classes for training, and episodes of three for the rest."""
    return data_of(ExactGlyphs(8, {"train": 3}), Episode(3, 2, 2), Episode(3, 2, 2), size)


def data_of(
    source: TaskSource, train: Episode, test: Episode, plain_size: int | None = None
) -> TaskData:
    return TaskData(
        source, train, test, steps=STEPS, tasks=TASKS, validation_tasks=7, test_tasks=7,
        batch=3, seed=0, evaluation_seed=1, plain_size=plain_size,
    )  # fmt: skip


def learner_of(name: str = "maml", body: nn.Module | None = None, **more: Any) -> MetaLearner:
    """A learner of waves with a small dense network, or of blobs with the given `body`."""
    built = algorithm(name, MLP([1], [8]) if body is None else body, regression=body is None)
    settings: dict[str, Any] = {
        "optimizer": functools.partial(torch.optim.SGD, lr=RATE), "scheduler": None,
        "steps": STEPS, "clip": None, "scored_step": 1, "curve": 3, "curve_tasks": None,
        "log_every": 1,
    }  # fmt: skip
    return MetaLearner(built, Spy(), **settings | more)


def trainer(**more: Any) -> lightning.Trainer:
    settings = {
        "max_steps": STEPS, "limit_val_batches": 0, "devices": 1, "enable_checkpointing": False,
    } | more  # fmt: skip
    return lightning.Trainer(
        accelerator="cpu", max_epochs=-1, logger=False, enable_progress_bar=False,
        enable_model_summary=False, use_distributed_sampler=False, **settings,
    )  # fmt: skip


def kept_by(*callbacks: lightning.Callback) -> lightning.Trainer:
    """A trainer whose callbacks include one that writes checkpoints."""
    files = [AtomicCheckpointIO()]
    return trainer(callbacks=[*callbacks], plugins=files, enable_checkpointing=True)
