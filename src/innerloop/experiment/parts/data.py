"""The data of a run."""

from typing import NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf

from innerloop.data.augmentation import Augmentation
from innerloop.data.features.encoder import Encoder
from innerloop.data.features.feature_classes import FeatureClasses
from innerloop.data.module import TaskData
from innerloop.data.other_validation import OtherValidation
from innerloop.data.resized import Resized
from innerloop.data.source import TaskSource
from innerloop.data.texts.text_classes import TextClasses
from innerloop.errors import UserError
from innerloop.experiment import elsewhere
from innerloop.experiment.check import DESCRIPTIVE
from innerloop.experiment.parts.instance import instance
from innerloop.experiment.parts.learner import device_of
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
    evaluation, source = config.evaluation, build_source(config)
    if isinstance(source, TextClasses):
        raise UserError(
            f"Learners cannot read the texts of dataset={source.name} as they are: choose "
            "encoder=glove, minilm or transformer (extra text)."
        )
    return TaskData(
        source=source,
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
        shape=input_shape(config),
        plain_size=plain_size,
        augment=_augmentation(config),
        batches=config.outer.get("batches"),
    )


def _augmentation(config: DictConfig) -> Augmentation | None:
    """What changes training images; refused where learners see features."""
    if config.get("augment") is None:
        return None
    if config.get("encoder") is not None:
        raise UserError(
            "augment= changes images, and encoder= computes the features of unchanged images once: "
            "leave one of them out."
        )
    return instance(config.augment, "augment", Augmentation)


def build_source(config: DictConfig) -> TaskSource:
    """The data set of a run; its validation may come from another one."""
    source = _build(config)
    name = config.evaluation.validation.get("dataset")
    if name is None:
        return source
    override = f"evaluation.validation.dataset={name}"
    other = elsewhere.default(name, override)
    changed = elsewhere.with_data_set(config, name, other, override)
    return OtherValidation(source, _build(changed))


def _build(config: DictConfig) -> TaskSource:
    """The data set of the `dataset` block, with the features of the encoder if there is one."""
    section, given = config.dataset, {}
    if "parts" in section:
        names = dict.fromkeys(section.parts)
        given["parts"] = {name: _build(elsewhere.part(config, name)) for name in names}
    arguments = {k: v for k, v in section.items() if k not in DESCRIPTIVE}
    source = instance(arguments, "dataset", TaskSource, **given)  # type: ignore[type-abstract]
    if config.get("encoder") is not None and not given:  # parts are encoded one by one
        encoder = instance(config.encoder, "encoder", Encoder)  # type: ignore[type-abstract]
        return FeatureClasses(source, encoder, torch.device(device_of(config)))
    shape = section.get("resized_to")
    return source if shape is None else Resized(source, list(shape))


def input_shape(config: DictConfig) -> object:
    """The shape of what the model sees: an input of the data set, or its features."""
    if config.get("encoder") is not None:
        return [config.encoder.width]
    return OmegaConf.to_container(config.dataset.input_shape, resolve=True)
