"""Everything that runs, assembled once from a configuration."""

import logging
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from omegaconf import DictConfig

from innerloop.dashboards import identity
from innerloop.data.module import TaskData
from innerloop.engines import choose
from innerloop.evaluation.schema import TESTED_ON
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run import build, elsewhere, notices, stored
from innerloop.run.tested import TestSet

HINTS = (  # beginnings of warnings that do not concern this program
    "does not have many workers", "pre-optimization state", "exists and is not empty",
    "isinstance.treespec, LeafSpec", "The dirpath has changed", "your dataloader is not resumable",
    "The `srun` command is available",
)  # fmt: skip


@dataclass
class Experiment:
    """The objects of a run."""

    config: DictConfig
    own: TestSet
    others: list[TestSet]  #: further data sets that the chosen checkpoint is tested on
    learner: MetaLearner
    trainer: lightning.Trainer

    @property
    def data(self) -> TaskData:
        """Of the run's own data set."""
        return self.own.data


def assemble(
    config: DictConfig, earlier: dict[str, Any], trained_on: str | None = None
) -> Experiment:
    """Builds an experiment.

    Arguments:
        earlier: the record in the checkpoint of a run that this one goes on with, or nothing.
        trained_on: the data set of the training, where it is not the configuration's.
    """
    began = time.perf_counter() - earlier.get("seconds", 0.0)
    _quiet()
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
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
        "wandb": identity.read(Path(config.paths.run)),
    }
    notices.say(*notices.engine(engine.describe()))
    trainer = build.trainer(config, algorithm.objective, engine.inference)
    own, *others = _test_sets(config, trained_on or config.names.dataset)
    return Experiment(config, own, others, learner, trainer)


def _test_sets(config: DictConfig, trained_on: str) -> Iterator[TestSet]:
    """The run's own data set, then those of `evaluation.on`."""
    folder = Path(config.paths.run)
    yield TestSet(config.names.dataset, trained_on, build.data(config), folder)
    for name, other in elsewhere.others(config).items():
        yield TestSet(name, trained_on, build.data(other), folder / TESTED_ON / name)


def _quiet() -> None:
    """Silences what libraries say that does not concern this program."""
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    for hint in HINTS:
        warnings.filterwarnings("ignore", f".*{hint}")
