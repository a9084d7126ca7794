"""The data of a run."""

from typing import NamedTuple

from omegaconf import DictConfig, OmegaConf

from innerloop.data.module import TaskData
from innerloop.data.source import TaskSource
from innerloop.run.check import DESCRIPTIVE
from innerloop.run.parts.instance import instance
from innerloop.tasks import Episode


class Episodes(NamedTuple):
    """Sizes of a training task, and of a validation or test task."""

    train: Episode
    test: Episode


def build_episodes(config: DictConfig) -> Episodes:
    """The sizes of tasks that a configuration gives."""
    return Episodes(Episode.of(config.episode), Episode.of(config.episode.test))


def build_data(config: DictConfig, episodes: Episodes, plain_size: int | None = None) -> TaskData:
    """The data module around the data set.

    Arguments:
        plain_size: examples of a plain training batch; None if training is episodic.
    """
    evaluation = config.evaluation
    return TaskData(
        source=build_source(config),
        episode=episodes.train,
        test_episode=episodes.test,
        steps=config.outer.steps,
        tasks=config.outer.tasks,
        validation_tasks=evaluation.validation.tasks,
        test_tasks=evaluation.tasks,
        batch=evaluation.batch,
        seed=config.seed,
        evaluation_seed=evaluation.seed,
        workers=config.workers,
        patience=config.get("patience", 300),
        shape=OmegaConf.to_container(config.dataset.input_shape, resolve=True),
        plain_size=plain_size,
    )


def build_source(config: DictConfig) -> TaskSource:
    """The data set of a run."""
    arguments = {k: v for k, v in config.dataset.items() if k not in DESCRIPTIVE}
    return instance(arguments, "dataset", TaskSource)  # type: ignore[type-abstract]
