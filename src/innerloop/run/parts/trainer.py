"""Lightning's trainer with a run's loggers and callbacks."""

from typing import Any

import lightning
from hydra.utils import instantiate
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.errors import blamed_on
from innerloop.objectives import Objective
from innerloop.run.parts.instance import instance


def build_trainer(config: DictConfig, objective: Objective, inference: bool) -> lightning.Trainer:
    """The trainer.

    Arguments:
        objective: what the learner is judged by, of which some callbacks are told.
        inference: whether validation and test may run in inference mode.
    """
    asked: dict[str, Any] = {"enable_model_summary": False, "enable_progress_bar": True}
    asked |= instantiate(config.trainer, _convert_="all")
    callbacks = build_callbacks(config, objective)
    if not asked["enable_progress_bar"]:
        callbacks = [part for part in callbacks if not isinstance(part, ProgressBar)]
    asked["enable_progress_bar"] = any(isinstance(part, ProgressBar) for part in callbacks)
    with blamed_on("trainer"):
        return lightning.Trainer(
            **asked,
            max_steps=config.outer.steps,
            max_epochs=-1,
            val_check_interval=min(config.evaluation.validation.every, config.outer.steps),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            log_every_n_steps=config.log_every,
            logger=_loggers(config) or False,
            callbacks=callbacks,
            plugins=_plugins(),
            use_distributed_sampler=False,
            inference_mode=inference,
            default_root_dir=config.paths.run,
        )


def build_callbacks(config: DictConfig, objective: Objective) -> list[lightning.Callback]:
    """The configured callbacks; a partial one is told what the data set is judged by."""
    judged: dict[str, Any] = {
        "monitor": f"val/{objective.metric.name}",
        "mode": "max" if objective.metric.higher_is_better else "min",
    }
    return [
        instance(part, f"callbacks.{name}", lightning.Callback, _partial_=False, **judged)
        if part.get("_partial_", False)
        else instance(part, f"callbacks.{name}", lightning.Callback)
        for name, part in config.callbacks.items()
    ]


def _loggers(config: DictConfig) -> list[Logger]:
    return [
        instance(part, f"logger.{name}", Logger)  # type: ignore[type-abstract]
        for name, part in config.logger.items()
    ]


def _plugins() -> list[Any]:
    """Own checkpoint files; under SLURM, signals are `Interruption`'s and not Lightning's."""
    started_by_slurm = [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
    return [AtomicCheckpointIO(), *started_by_slurm]
