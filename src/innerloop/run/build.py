"""From a configuration to the objects of a run."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import lightning
import torch
from hydra.utils import instantiate
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from torch import nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.data.module import TaskData
from innerloop.data.source import TaskSource
from innerloop.engines import choose
from innerloop.engines.engine import Engine
from innerloop.errors import UserError, blamed_on
from innerloop.layers.adopt import adopt, batch_norms
from innerloop.objectives import Objective
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run import notices, schedule
from innerloop.run.check import DESCRIPTIVE
from innerloop.tasks import Episode

Built = TypeVar("Built")


def _built(part: Any, key: str, kind: type[Built], **given: Any) -> Built:
    """What a part of the configuration makes, which must be of a kind."""
    made = instantiate(part, _convert_="all", **given)
    if not isinstance(made, kind):
        raise UserError(
            f"{key}._target_={part['_target_']} makes a {type(made).__name__}, where a "
            f"{kind.__name__} is needed."
        )
    return made


def episodes(config: DictConfig) -> tuple[Episode, Episode]:
    """Sizes of training and of test tasks."""
    sizes = (config.episode, config.episode.test)
    train, test = [Episode(part.ways, part.shots, part.queries) for part in sizes]
    return train, test


class Training(NamedTuple):
    """What an outer step sees.

    Arguments:
        size: examples of a plain batch; None where training is episodic.
        classes: that plain batches are labelled with, once they are known.
    """

    kind: str = "episodes"
    size: int | None = None
    classes: int | None = None


def training(config: DictConfig) -> Training:
    """How the run trains; runs from before there was a choice train on episodes."""
    return Training(**config.get("training", {}))


def training_classes(config: DictConfig) -> int | None:
    """How many classes plain batches are labelled with; None where training is episodic.

    From the data set, unless the configuration has it already: a checkpoint's has, so that the
    width of its head is known where the data are not at hand.
    """
    asked = training(config)
    if asked.size is None or "ways" not in config.dataset.objective:
        return None
    return asked.classes or source(config).classes_in("train")


def source(config: DictConfig) -> TaskSource:
    """The data set."""
    arguments = {k: v for k, v in config.dataset.items() if k not in DESCRIPTIVE}
    return _built(arguments, "dataset", TaskSource)  # type: ignore[type-abstract]


def data(config: DictConfig) -> TaskData:
    """The data module around the data set."""
    train, test = episodes(config)
    evaluation = config.evaluation
    return TaskData(
        source(config), train, test, config.outer.steps, config.outer.tasks,
        evaluation.validation.tasks, evaluation.tasks, evaluation.batch,
        config.seed, evaluation.seed, config.workers, config.get("patience", 300),
        OmegaConf.to_container(config.dataset.input_shape, resolve=True), training(config).size,
    )  # fmt: skip


def algorithm(config: DictConfig) -> Algorithm:
    """The algorithm around its model."""
    train, test = episodes(config)
    task_objective = objective(config)
    model = _built(config.model, "model", nn.Module, outputs=task_objective.width)
    model = _with_norm(model, config.norm)
    made = _built(config.algorithm, "algorithm", Algorithm, model=model, objective=task_objective)
    _check_training(config, made)
    if not made.trains_on_batches and made.adapts_by_steps and train.ways != test.ways:
        raise UserError(
            f"episode.ways={train.ways} but episode.test.ways={test.ways}: algorithm="
            f"{config.names.algorithm} trains a head of fixed width. Give both the same number, or "
            "use a metric learner such as algorithm=protonet."
        )
    return made


def _check_training(config: DictConfig, made: Algorithm) -> None:
    """Raises `UserError` where an algorithm cannot learn from what the outer steps show it."""
    kind, name = training(config).kind, config.names.algorithm
    if kind == "batches" and not made.trains_on_batches:
        raise UserError(
            f"training=batches has nothing to adapt to, and algorithm={name} learns from adapting: "
            "use training=episodes, or algorithm=baseline."
        )
    if kind == "episodes" and made.trains_on_batches:
        raise UserError(
            f"training=episodes numbers the classes of every task anew, and algorithm={name} learns"
            " one classifier of all classes: use training=batches."
        )


def _with_norm(model: nn.Module, mode: str) -> nn.Module:
    """The model, whose batch norm of PyTorch's own follows `norm=` too."""
    if layers := batch_norms(model):
        many = "layer" if len(layers) == 1 else "layers"
        notices.say(f"norm={mode}: PyTorch's batch norm follows it, in {len(layers)} {many}")
    return adopt(model, mode)


def objective(config: DictConfig) -> Objective:
    """What the data set asks of a learner."""
    train, test = episodes(config)
    part, classes = config.dataset.objective, training_classes(config)
    made: Objective = instantiate(part, **({} if classes is None else {"ways": classes}))
    if not hasattr(made, "metric"):
        raise UserError(
            f"dataset.objective._target_={part._target_} is no objective: choose "
            "innerloop.objectives.Classification or Regression, or a class with the same methods."
        )
    expected = {True: ("episode", classes or train.ways), False: ("episode.test", test.ways)}
    for in_training, (key, ways) in expected.items():
        if made.classes(in_training) not in (None, ways):
            raise UserError(
                f"dataset.objective is for tasks of {made.classes(in_training)} classes, and {key}."
                f"ways={ways}: leave its ways= and test_ways= out, which follow episode."
            )
    return made


def device(config: DictConfig) -> str:
    """`cpu` or `cuda`: where the run will be."""
    on_cpu = config.trainer.accelerator == "cpu" or not torch.cuda.is_available()
    return "cpu" if on_cpu else "cuda"


def engine(config: DictConfig, made: Algorithm, device: str) -> Engine:
    """The engine that was asked for, or chosen."""
    asked = config.engine
    alone = config.trainer.devices in (1, "1") and config.trainer.num_nodes == 1
    return choose.choose(
        made, asked.name, asked.chunk, asked.compile, device, config.outer.steps,
        _pixels(config.dataset.input_shape), alone, asked.get("checkpoint", False),
    )  # fmt: skip


def _pixels(shape: Any) -> int:
    """Of an image of this shape; of the largest where an input has several parts."""
    if isinstance(shape, Mapping):
        return max(map(_pixels, shape.values()), default=1)
    return math.prod(list(shape)[-2:])


def learner(config: DictConfig, made: Algorithm, runs: Engine) -> MetaLearner:
    """The outer loop around the algorithm."""
    outer, evaluation = config.outer, config.evaluation
    optimizer = instantiate(outer.optimizer, _partial_=True)
    scheduler = None if outer.scheduler is None else instantiate(outer.scheduler, _partial_=True)
    schedule.check(made.parameters(), optimizer, scheduler, outer.steps)
    return MetaLearner(
        made, runs, optimizer, scheduler, outer.steps, outer.clip,
        evaluation.scored_step, evaluation.curve, config.log_every, outer.get("nonfinite", "stop"),
    )  # fmt: skip


def trainer(config: DictConfig, objective: Objective, inference: bool) -> lightning.Trainer:
    """Lightning's trainer with this run's loggers and callbacks."""
    loggers = [
        _built(part, f"logger.{name}", Logger)  # type: ignore[type-abstract]
        for name, part in config.logger.items()
    ]
    asked: dict[str, Any] = {"enable_model_summary": False, "enable_progress_bar": True}
    asked |= instantiate(config.trainer, _convert_="all")
    parts = callbacks(config, objective)
    if not asked["enable_progress_bar"]:
        parts = [part for part in parts if not isinstance(part, ProgressBar)]
    asked["enable_progress_bar"] = any(isinstance(part, ProgressBar) for part in parts)
    every = min(config.evaluation.validation.every, config.outer.steps)
    with blamed_on("trainer"):
        return lightning.Trainer(
            **asked,
            max_steps=config.outer.steps,
            max_epochs=-1,
            val_check_interval=every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            log_every_n_steps=config.log_every,
            logger=loggers or False,
            callbacks=parts,
            plugins=_plugins(),
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
    judged: dict[str, Any] = {
        "monitor": f"val/{objective.metric}",
        "mode": "max" if objective.higher_is_better else "min",
    }
    return [
        _built(part, f"callbacks.{name}", lightning.Callback, _partial_=False, **judged)
        if part.get("_partial_", False)
        else _built(part, f"callbacks.{name}", lightning.Callback)
        for name, part in config.callbacks.items()
    ]
