"""Lightning's trainer with a run's loggers and callbacks."""

import lightning
from hydra.utils import instantiate
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.callbacks.validation_clock import NEVER, ValidationClock
from innerloop.errors import blamed_on
from innerloop.experiment.parts.instance import instance
from innerloop.experiment.plain import PlainDict
from innerloop.machine import matmul
from innerloop.objectives import Objective


def build_trainer(config: DictConfig, objective: Objective, inference: bool) -> lightning.Trainer:
    """The trainer; also sets how this process multiplies float32 numbers.

    Arguments:
        objective: judges the learner; its metric is passed to some callbacks.
        inference: whether validation and test may run in inference mode.
    """
    keywords: PlainDict = {"enable_model_summary": False, "enable_progress_bar": True}
    keywords |= instantiate(config.trainer, _convert_="all")
    matmul.use(keywords.pop("matmul", "ieee"))
    callbacks = build_callbacks(config, objective)
    if not keywords["enable_progress_bar"]:
        callbacks = [part for part in callbacks if not isinstance(part, ProgressBar)]
    keywords["enable_progress_bar"] = any(isinstance(part, ProgressBar) for part in callbacks)
    with blamed_on("trainer"):
        return lightning.Trainer(
            **keywords,
            max_steps=config.outer.steps,
            max_epochs=-1,
            val_check_interval=_steps_between_validations(config),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            log_every_n_steps=config.log_every,
            logger=_loggers(config) or False,
            callbacks=callbacks,
            plugins=[AtomicCheckpointIO(), *_slurm()],
            use_distributed_sampler=False,
            inference_mode=inference,
            default_root_dir=config.paths.run,
        )


def _steps_between_validations(config: DictConfig) -> int:
    if _minutes(config) is not None:
        return NEVER
    return max(1, min(config.evaluation.validation.every, config.outer.steps))


def _minutes(config: DictConfig) -> float | None:
    """Minutes between two validations; None where outer steps decide, as in older runs."""
    return config.evaluation.validation.get("minutes")


def build_callbacks(config: DictConfig, objective: Objective) -> list[lightning.Callback]:
    """The configured callbacks; those with `_partial_` receive the metric to monitor."""
    metric = {
        "monitor": f"val/{objective.metric.name}",
        "mode": "max" if objective.metric.higher_is_better else "min",
    }
    minutes = _minutes(config)
    clock = [] if minutes is None else [ValidationClock(minutes, config.log_every)]
    return clock + [
        instance(part, f"callbacks.{name}", lightning.Callback, _partial_=False, **metric)
        if part.get("_partial_", False)
        else instance(part, f"callbacks.{name}", lightning.Callback)
        for name, part in config.callbacks.items()
    ]


def _loggers(config: DictConfig) -> list[Logger]:
    return [
        instance(part, f"logger.{name}", Logger)  # type: ignore[type-abstract]
        for name, part in config.logger.items()
    ]


def _slurm() -> list[SLURMEnvironment]:
    """Under SLURM, its environment without requeueing: `Interruption` handles the signals."""
    return [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
