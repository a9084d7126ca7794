"""Checks, before training, that a data set can serve the episodes and the model of a run."""

import logging
from collections.abc import Sequence

import lightning
import numpy as np
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.data import sizes
from innerloop.errors import UserError, visible
from innerloop.machine import processes
from innerloop.tasks import Episode, Inputs, bounds
from innerloop.tasks import values as without_mask

log = logging.getLogger(__name__)


def check_ways(name: str, split: str, episode: Episode, available: int) -> None:
    """Checks that a split has enough classes.

    Arguments:
        name: of the data set.
        split: name of the split.
        episode: sizes of a task.
        available: number of classes of the split.

    Raises:
        UserError: if it has fewer classes than a task needs.
    """
    if bounds(episode.ways).low > available:
        raise UserError(
            f"The {split} split of {name} has {available} classes, fewer than "
            f"{_key(split)}.ways={episode.ways}; use at most {available}."
        )


def warn_of_small_classes(
    name: str, split: str, episode: Episode, classes: Sequence[str], counts: np.ndarray
) -> None:
    """Logs which classes of a split have too few images for a task; arguments as of
    `check_images`."""
    needed = sizes.fewest_images(episode)
    small = [f"{c} ({n})" for c, n in zip(classes, counts, strict=True) if n < needed]
    log.warning(
        "%d of %d classes of the %s split of %s are left out, because they have fewer images than "
        "the %d of a task: %s.",
        len(small),
        len(classes),
        split,
        visible(name),
        needed,
        visible(", ".join(small[:5])),
    )


def check_images(
    name: str, split: str, episode: Episode, classes: Sequence[str], counts: np.ndarray
) -> None:
    """Checks that every class of a split has enough images.

    Arguments:
        name: of the data set.
        split: name of the split.
        episode: sizes of a task.
        classes: names of the classes.
        counts: images of each class, `(classes,)`.

    Raises:
        UserError: if a class has fewer images than a task needs.
    """
    needed, smallest, key = sizes.fewest_images(episode), int(counts.argmin()), _key(split)
    if needed > counts[smallest]:
        total = f"{key}.shots + {key}.queries = {needed}"
        least = f"{needed}, which the fewest {key}.shots and one query take"
        raise UserError(
            f"Class {classes[smallest]} of the {split} split of {name} has "
            f"{counts[smallest]} images, fewer than {least if episode.varies else total}; "
            "use smaller numbers, or add images."
        )


def check_shape(shape: object, inputs: Inputs) -> None:
    """Checks that inputs have the shape for which the model is built.

    Arguments:
        shape: of one input, a list of integers or a tree of such lists.
        inputs: of a batch of tasks, `(T, n, ...)`.

    Raises:
        UserError: if the shapes differ.
    """
    values = without_mask(inputs)
    actual = tree_map(lambda x: list(x.shape[2:]), values)
    if isinstance(values, Tensor | dict) and actual != shape:
        raise UserError(
            f"dataset.input_shape={shape}, for which the model is built, is not the shape "
            f"of the data set's inputs, {actual}."
        )


def check_same_data(trainer: lightning.Trainer, fingerprints: list[str]) -> None:
    """Checks that all processes of a run read the same data.

    Arguments:
        trainer: of the run.
        fingerprints: of the splits that this process reads.

    Raises:
        UserError: in all processes, if they differ in one.
    """
    strategy = trainer.strategy
    differs = int(strategy.broadcast(fingerprints) != fingerprints)
    if processes.largest(differs, strategy.root_device):
        raise UserError(
            "The processes of this run read different data: the files changed while it "
            "started, or its machines have different files. Start it again on the same files."
        )


def _key(split: str) -> str:
    """The section of the configuration that sets the sizes of a split's tasks."""
    return "episode" if split == "train" else "episode.test"
