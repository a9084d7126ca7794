"""Everything that runs, assembled once from a configuration."""

import logging
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from omegaconf import DictConfig

from innerloop.dashboards import identity
from innerloop.data.module import TaskData
from innerloop.engines import choose
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run import build, notices, stored

HINTS = (  # beginnings of warnings that do not concern this program
    "does not have many workers", "pre-optimization state", "exists and is not empty",
    "isinstance.treespec, LeafSpec", "The dirpath has changed", "your dataloader is not resumable",
    "The `srun` command is available",
)  # fmt: skip


@dataclass
class Experiment:
    """The objects of a run."""

    config: DictConfig
    data: TaskData
    learner: MetaLearner
    trainer: lightning.Trainer


def assemble(config: DictConfig, earlier: dict[str, Any]) -> Experiment:
    """Builds an experiment.

    Arguments:
        earlier: the record in the checkpoint of a run that this one goes on with, or nothing.
    """
    began = time.perf_counter() - earlier.get("seconds", 0.0)
    _quiet()
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    if classes := build.training_classes(config):
        config.training.classes = classes
    algorithm = build.algorithm(config)
    if "engine" in earlier:
        engine = choose.restore(algorithm, earlier["engine"])
    else:
        engine = build.engine(config, algorithm, build.device(config))
    learner = build.learner(config, algorithm, engine)
    learner.record = lambda: {
        "config": stored.kept(config),
        "engine": engine.describe(),
        "seconds": time.perf_counter() - began,
        "init_from": learner.origin,
        "wandb": identity.read(Path(config.paths.run)),
    }
    notices.say(*notices.engine(engine.describe()))
    trainer = build.trainer(config, algorithm.objective, engine.inference)
    return Experiment(config, build.data(config), learner, trainer)


def _quiet() -> None:
    """Silences what libraries say that does not concern this program."""
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    for hint in HINTS:
        warnings.filterwarnings("ignore", f".*{hint}")
