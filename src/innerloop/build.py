"""From a configuration to the objects of a run."""

import functools
import math
from typing import Any

import lightning
import torch
from hydra.utils import instantiate
from lightning.fabric.plugins.environments import SLURMEnvironment
from omegaconf import DictConfig
from torch import nn

from innerloop import notices
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.meta_learner import MetaLearner
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.data.module import TaskData
from innerloop.data.source import TaskSource
from innerloop.engines import choose
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers.adopt import adopt, batch_norms
from innerloop.objectives import Objective
from innerloop.tasks import Episode

DESCRIPTIVE = ("input_shape", "objective")  #: keys of `dataset` that are not the source's arguments


def episodes(config: DictConfig) -> tuple[Episode, Episode]:
    """Sizes of training and of test tasks."""
    found = []
    for name, part in (("episode", config.episode), ("episode.test", config.episode.test)):
        for key in Episode._fields:
            if part[key] < 1:
                raise UserError(f"{name}.{key}={part[key]}: a task has at least 1 of them.")
        found.append(Episode(part.ways, part.shots, part.queries))
    return found[0], found[1]


def source(config: DictConfig) -> TaskSource:
    """The data set."""
    arguments = {k: v for k, v in config.dataset.items() if k not in DESCRIPTIVE}
    return instantiate(arguments, _convert_="all")


def data(config: DictConfig) -> TaskData:
    """The data module around the data set."""
    train, test = episodes(config)
    evaluation = config.evaluation
    return TaskData(
        source(config), train, test, config.outer.steps, config.outer.tasks,
        evaluation.validation.tasks, evaluation.tasks, evaluation.batch,
        config.seed, evaluation.seed, config.workers, config.get("patience", 300),
    )  # fmt: skip


def algorithm(config: DictConfig) -> Algorithm:
    """The algorithm around its model."""
    train, test = episodes(config)
    task_objective = objective(config)
    model = _with_norm(instantiate(config.model, outputs=task_objective.width), config.norm)
    made: Algorithm = instantiate(config.algorithm, model=model, objective=task_objective)
    if made.adapts_by_steps and train.ways != test.ways:
        raise UserError(
            f"episode.ways={train.ways} but episode.test.ways={test.ways}: algorithm="
            f"{config.names.algorithm} trains a head of fixed width. Give both the same number, or "
            "use a metric learner such as algorithm=protonet."
        )
    return made


def _with_norm(model: nn.Module, mode: str) -> nn.Module:
    """The model, whose batch norm of PyTorch's own follows `norm=` too."""
    if layers := batch_norms(model):
        notices.say(f"norm={mode}: PyTorch's batch norm follows it, in {len(layers)} layers")
    return adopt(model, mode)


def objective(config: DictConfig) -> Objective:
    """What the data set asks of a learner."""
    if "objective" not in config.dataset:
        raise UserError(
            "The data set names no objective: its yaml needs dataset.objective, such as "
            "{_target_: innerloop.objectives.Classification, ways: ..., test_ways: ...}."
        )
    made: Objective = instantiate(config.dataset.objective)
    return made


def device(config: DictConfig) -> str:
    """`cpu` or `cuda`: where the run will be."""
    on_cpu = config.trainer.accelerator == "cpu" or not torch.cuda.is_available()
    return "cpu" if on_cpu else "cuda"


def engine(config: DictConfig, made: Algorithm, device: str) -> Engine:
    """The engine that was asked for, or chosen."""
    asked = config.engine
    pixels = math.prod(list(config.dataset.input_shape)[-2:])
    alone = config.trainer.devices in (1, "1") and config.trainer.num_nodes == 1
    return choose.choose(
        made, asked.name, asked.chunk, asked.compile, device, config.outer.steps, pixels, alone,
        asked.get("checkpoint", False),
    )  # fmt: skip


def learner(config: DictConfig, made: Algorithm, runs: Engine) -> MetaLearner:
    """The outer loop around the algorithm."""
    outer, evaluation = config.outer, config.evaluation
    _check(config)
    scheduler = None if outer.scheduler is None else instantiate(outer.scheduler)
    return MetaLearner(
        made, runs, instantiate(outer.optimizer), scheduler, outer.steps, outer.clip,
        evaluation.scored_step, evaluation.curve, config.log_every, outer.get("nonfinite", "stop"),
    )  # fmt: skip


def _check(config: DictConfig) -> None:
    outer, evaluation = config.outer, config.evaluation
    for name, value in {
        "outer.tasks": outer.tasks, "outer.steps": outer.steps, "log_every": config.log_every,
        "evaluation.tasks": evaluation.tasks, "evaluation.batch": evaluation.batch,
        "evaluation.validation.tasks": evaluation.validation.tasks,
        "evaluation.validation.every": evaluation.validation.every,
    }.items():  # fmt: skip
        if not isinstance(value, int) or value < 1:
            raise UserError(f"{name}={value} makes no sense: give a whole number from 1.")
    if evaluation.scored_step < 0:
        raise UserError(f"evaluation.scored_step={evaluation.scored_step}: give 0 or more.")
    audit = evaluation.get("audit", 0)
    if not isinstance(audit, int) or audit < 0:
        raise UserError(f"evaluation.audit={audit}: give 0 for none, or a number of tasks.")
    if any(word in config.trainer.strategy for word in ("spawn", "fork", "notebook")):
        raise UserError(
            f"trainer.strategy={config.trainer.strategy} forks processes whose results are lost: "
            "use ddp."
        )
    if config.trainer.precision == "16-mixed":
        raise UserError(
            "trainer.precision=16-mixed scales losses, which meta-gradients do not pass through: "
            "use bf16-mixed."
        )
    if outer.get("nonfinite", "stop") not in ("stop", "skip"):
        raise UserError(f"outer.nonfinite={outer.nonfinite}: choose stop or skip.")
    rate = outer.optimizer.get("lr", 1.0)
    if rate < 0 or (outer.clip is not None and outer.clip <= 0):
        raise UserError(
            f"outer.optimizer.lr={rate}, outer.clip={outer.clip}: neither may be negative."
        )


def trainer(config: DictConfig, objective: Objective, inference: bool) -> lightning.Trainer:
    """Lightning's trainer with this run's loggers and callbacks."""
    loggers = [instantiate(part) for part in config.logger.values()]
    every = min(config.evaluation.validation.every, config.outer.steps)
    return lightning.Trainer(
        **instantiate(config.trainer, _convert_="all"),
        max_steps=config.outer.steps,
        max_epochs=-1,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=config.log_every,
        logger=loggers or False,
        callbacks=callbacks(config, objective),
        plugins=_plugins(),
        enable_model_summary=False,
        use_distributed_sampler=False,
        inference_mode=inference,
        default_root_dir=config.paths.run,
    )


def _plugins() -> list[Any]:
    """Own checkpoint files; under SLURM, signals are `Interruption`'s and not Lightning's."""
    started_by_slurm = [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
    return [AtomicCheckpointIO(), *started_by_slurm]


def callbacks(config: DictConfig, objective: Objective) -> list[lightning.Callback]:
    """The configured callbacks; a partial one is told what the data set is judged by."""
    made = [instantiate(part) for part in config.callbacks.values()]
    judged: dict[str, Any] = {
        "monitor": f"val/{objective.metric}",
        "mode": "max" if objective.higher_is_better else "min",
    }
    return [c(**judged) if isinstance(c, functools.partial) else c for c in made]
