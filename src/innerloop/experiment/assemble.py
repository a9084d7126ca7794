"""Builds an experiment from its configuration; nothing else does."""

import time
from collections.abc import Callable
from pathlib import Path

import lightning
import torch
from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.dashboards import identity
from innerloop.engines import choose
from innerloop.engines.engine import Engine
from innerloop.evaluation.schema import TESTED_ON
from innerloop.evaluation.sizes import setting
from innerloop.experiment import elsewhere, notices, stored
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.parts.data import Episodes, build_data
from innerloop.experiment.parts.learner import build_engine, build_learner, device_of
from innerloop.experiment.parts.trainer import build_trainer
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.problem import Problem, build_problem
from innerloop.experiment.quiet import silence_libraries
from innerloop.experiment.stored import Plain
from innerloop.experiment.tested import TestSet
from innerloop.outer.meta_learner import MetaLearner


def assemble(config: DictConfig, earlier: PlainDict, trained_on: str | None = None) -> Experiment:
    """Builds an experiment.

    Arguments:
        earlier: the record in the checkpoint from which the run resumes; empty for a new run.
        trained_on: the data set of the training, if it is not the configuration's.

    Raises:
        UserError: for parts that do not fit together.
    """
    began = time.perf_counter() - earlier.get("seconds", 0.0)
    _prepare_process(config)
    problem = build_problem(config)
    if problem.training.classes is not None:  # checkpoints keep it: the data may be missing later
        config.training.classes = problem.training.classes
    plain = stored.plain(config)
    own, *others = _test_sets(config, problem, trained_on or config.names.dataset)
    engine = _engine(config, problem.algorithm, earlier)
    learner = build_learner(config, problem.algorithm, engine)
    learner.record = _record(plain, learner, began)
    return Experiment(
        name=setting(own.name, config.names.algorithm, problem.data.test_episode),
        own=own,
        others=others,
        learner=learner,
        trainer=build_trainer(config, problem.objective, engine.inference),
        plain=plain,
        facts=_facts(config, plain) | {"training": problem.training.record()},
        init_from=config.get("init_from"),
        distil_from=config.get("distil_from"),
    )


def _prepare_process(config: DictConfig) -> None:
    silence_libraries()
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, workers=True, verbose=False)


def _test_sets(config: DictConfig, problem: Problem, trained_on: str) -> list[TestSet]:
    """The run's own data set, then those of `evaluation.on`."""
    own = TestSet(
        name=config.names.dataset,
        trained_on=trained_on,
        data=problem.data,
        folder=Path(config.paths.run),
        objective=problem.objective,
        audited=config.evaluation.get("audit", 50),
        baselines=config.evaluation.get("baselines", False),
        span=config.dataset.get("span"),
    )
    episodes = Episodes(problem.data.episode, problem.data.test_episode)
    others = [
        own._replace(
            name=name, data=build_data(changed, episodes), folder=own.folder / TESTED_ON / name
        )
        for name, changed in elsewhere.configurations(config).items()
    ]
    return [own, *others]


def _engine(config: DictConfig, algorithm: Algorithm, earlier: PlainDict) -> Engine:
    """The engine with which the run began; for a new run, the one that the user chose."""
    if "engine" in earlier:
        engine = choose.restore(algorithm, earlier["engine"])
        if engine.threads and not config.threads:
            torch.set_num_threads(engine.threads)
    else:
        engine = build_engine(config, algorithm, device_of(config))
    notices.say(*notices.engine(engine.describe()))
    return engine


def _record(plain: Plain, learner: MetaLearner, began: float) -> Callable[[], PlainDict]:
    """A function that returns what a checkpoint records of its run."""
    folder = Path(plain.resolved["paths"]["run"])
    return lambda: {
        "config": plain.composed,
        "engine": learner.engine.describe(),
        "seconds": time.perf_counter() - began,
        "init_from": learner.origin,
        "distil_from": learner.teacher_origin,
        "wandb": identity.read(folder),
    }


def _facts(config: DictConfig, plain: Plain) -> PlainDict:
    """What `results.json` says of the training."""
    names, outer = config.names, config.outer
    return {
        "command": names.command,
        "algorithm": names.algorithm,
        "model": names.model,
        "experiment": names.experiment,
        "outer": {"steps": outer.steps, "tasks": outer.tasks},
        "seed": config.seed,
        "configuration": plain.fingerprint,
    }
