"""The workloads: settings of `conf/`, the contenders of each, and the speed-up that is required."""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.images import ImageClasses
from innerloop.data.module import TaskData
from innerloop.data.packs.writing import Classes
from innerloop.experiment import problem
from innerloop.startup import resolvers

CONF = Path(__file__).resolve().parents[1] / "conf"


class Workload(NamedTuple):
    """One row of the table of results."""

    title: str
    overrides: tuple[str, ...]
    contenders: tuple[str, ...]  #: modules of `benchmarks.peers`: ours, then the one it must beat
    bar: float  #: how many times faster than the second contender ours must be
    threads: int = 2


class Problem(NamedTuple):
    """A workload with its data and algorithm: the same tasks and initial weights for all."""

    config: DictConfig
    data: TaskData
    algorithm: Algorithm
    device: str


class NoiseImages(ImageClasses):
    """Classes of random pixels, which take as long as real images and need no download."""

    def __init__(
        self,
        classes: int,
        examples: int,
        size: int,
        channels: int,
        on_device: bool | str = "auto",
        imagenet: None = None,  # a key of miniimagenet, which Hydra cannot delete as it is null
    ) -> None:
        self._here = tempfile.TemporaryDirectory()
        super().__init__("noise", Path(self._here.name), on_device=on_device)
        self.sizes = (examples, size, size, channels)
        self.number = classes

    @property
    def recipe(self) -> dict[str, Any]:
        return {"classes": self.number, "sizes": list(self.sizes)}

    def read(self) -> Mapping[str, Classes]:
        return {split: self._classes(place) for place, split in enumerate(("train", "val", "test"))}

    def _classes(self, split: int) -> Classes:
        for number in range(self.number):
            rng = np.random.default_rng([split, number])
            yield str(number), rng.integers(0, 256, self.sizes, np.uint8)


SINE = ("dataset=sinusoid", "algorithm=maml", "outer.tasks=25", "episode.shots=5")
NOISE = ("dataset._target_=benchmarks.workloads.NoiseImages", "~dataset.data_dir")
OMNIGLOT = (
    "dataset=omniglot", *NOISE, "+dataset.classes=100", "+dataset.examples=20", "+dataset.size=28",
    "+dataset.channels=1", "model=conv4",
)  # fmt: skip
MINI = (
    "dataset=miniimagenet", *NOISE, "+dataset.classes=20", "+dataset.examples=40",
    "+dataset.size=84", "+dataset.channels=3", "algorithm=maml", "inner.steps=5",
)  # fmt: skip
MAML = ("engine", "learn2learn", "higher", "torchopt", "plain")

WORKLOADS = {
    "sinusoid_1": Workload(
        "MAML, sinusoid, 25 tasks, 2x40 MLP, 1 inner step",
        (*SINE, "inner.steps=1"), (*MAML, "jax"), bar=30, threads=1,
    ),
    "sinusoid_5": Workload(
        "MAML, sinusoid, 25 tasks, 2x40 MLP, 5 inner steps",
        (*SINE, "inner.steps=5"), (*MAML, "jax"), bar=30, threads=1,
    ),
    "fit_1": Workload(
        "the first through Trainer.fit with its log and progress bar",
        (*SINE, "inner.steps=1"), ("fit", "learn2learn", "engine"), bar=10, threads=1,
    ),
    "omniglot": Workload(
        "MAML, Conv4-64, 28x28, 5-way 1-shot 1 query, 32 tasks, 1 inner step",
        (*OMNIGLOT, "algorithm=maml", "inner.steps=1", "outer.tasks=32"), MAML, bar=1.5,
    ),
    "miniimagenet": Workload(
        "MAML, Conv4-32, 84x84, 5-way 1-shot 15 queries, 4 tasks, 5 inner steps",
        MINI, MAML, bar=1.25,
    ),
    "protonet": Workload(
        "ProtoNet, Conv4-64, 28x28, 60-way 5-shot 5 queries",
        (*OMNIGLOT, "algorithm=protonet", "episode.ways=60", "episode.shots=5",
         "episode.queries=5", "outer.tasks=1"),
        ("engine", "learn2learn_protonet", "easyfsl"), bar=1.2,
    ),
}  # fmt: skip


@cache
def build_problem(name: str, *more: str) -> Problem:
    """The workload's configuration, data and algorithm."""
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*WORKLOADS[name].overrides, *more], return_hydra_config=True)
    for key in ("algorithm", "dataset", "model", "experiment"):
        config.names[key] = config.hydra.runtime.choices[key]
    torch.manual_seed(config.seed)
    built = problem.build_problem(config)
    built.data.prepare_data()
    device = "cuda" if config.trainer.accelerator == "gpu" else "cpu"
    return Problem(config, built.data, built.algorithm, device)
