"""The outer loop of a run, and the engine that computes its batches of tasks."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import choose
from innerloop.engines.engine import Engine
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run import schedule


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
        log_every=config.log_every,
        nonfinite=outer.get("nonfinite", "stop"),
    )


def build_engine(config: DictConfig, algorithm: Algorithm, device: str) -> Engine:
    """The engine that was asked for, or chosen."""
    asked, pixels = config.engine, _pixels(config.dataset.input_shape)
    return choose.choose(
        algorithm,
        name=asked.name,
        chunk=asked.chunk,
        compile=asked.compile,
        device=device,
        steps=config.outer.steps,
        pixels=pixels,
        alone=config.trainer.devices in (1, "1") and config.trainer.num_nodes == 1,
        checkpoint=asked.get("checkpoint", False),
    )


def device_of(config: DictConfig) -> str:
    """`cpu` or `cuda`: where the run will be."""
    on_cpu = config.trainer.accelerator == "cpu" or not torch.cuda.is_available()
    return "cpu" if on_cpu else "cuda"


def _pixels(shape: Any) -> int:
    """Of an image of this shape; of the largest where an input has several parts."""
    if isinstance(shape, Mapping):
        return max(map(_pixels, shape.values()), default=1)
    return math.prod(list(shape)[-2:])
