"""The outer loop of a run, and the engine that computes its batches of tasks."""

import math
from collections.abc import Mapping, Sequence

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import choose
from innerloop.engines.engine import Engine
from innerloop.experiment import schedule
from innerloop.outer.meta_learner import MetaLearner

CURVE_TASKS = 100  #: of configurations that were stored before it was a key


def build_learner(config: DictConfig, algorithm: Algorithm, engine: Engine) -> MetaLearner:
    """The outer loop around the algorithm."""
    outer, evaluation = config.outer, config.evaluation
    optimizer = instantiate(outer.optimizer, _partial_=True)
    scheduler = None if outer.scheduler is None else instantiate(outer.scheduler, _partial_=True)
    schedule.check(algorithm.parameters(), optimizer, scheduler, outer.steps)
    return MetaLearner(
        algorithm=algorithm,
        engine=engine,
        optimizer=optimizer,
        scheduler=scheduler,
        steps=outer.steps,
        clip=outer.clip,
        scored_step=evaluation.scored_step,
        curve=evaluation.curve,
        curve_tasks=evaluation.get("curve_tasks", CURVE_TASKS),
        log_every=config.log_every,
        nonfinite=outer.get("nonfinite", "stop"),
    )


def build_engine(config: DictConfig, algorithm: Algorithm, device: str) -> Engine:
    """The engine that the user chose, or the one that suits the algorithm and the device."""
    chosen = config.engine
    return choose.choose(
        algorithm,
        name=chosen.name,
        chunk=chosen.chunk,
        compile=chosen.compile,
        device=device,
        steps=config.outer.steps,
        pixels=_pixels(config.dataset.input_shape),
        alone=config.trainer.devices in (1, "1") and config.trainer.num_nodes == 1,
        checkpoint=chosen.get("checkpoint", False),
        threads=config.threads,
        capture=chosen.get("capture"),
    )


def device_of(config: DictConfig) -> str:
    """The device of the run, as Lightning chooses it: `cpu`, `cuda` or `mps`."""
    accelerator = config.trainer.accelerator
    if accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        return "mps"
    return "cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu"


def _pixels(shape: Mapping[str, Sequence[int]] | Sequence[int]) -> int:
    """Pixels of an input of this shape; if it has several parts, of the largest."""
    if isinstance(shape, Mapping):
        return max((_pixels(part) for part in shape.values()), default=1)
    return math.prod(list(shape)[-2:])
