"""A user's own task: a folder of labelled images to adapt to, and images to classify."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data.packs import pictures
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Examples


class Support(NamedTuple):
    """The labelled images of a task."""

    classes: list[str]  #: names, in the order of the labels
    examples: Examples


class Query(NamedTuple):
    """The images to classify."""

    files: list[Path]
    inputs: Tensor  #: `(files, channels, height, width)`
    truths: list[str | None]  #: name of each file's class; None if the folder does not say


def support_of(folder: Path, source: TaskSource) -> Support:
    """Reads the images `folder/CLASS/*.png` in the same way as the training images of `source`.

    Raises:
        UserError: if there are no folders of classes, or one has no images.
    """
    classes = [(p.name, pictures.files_of_class(p)) for p in pictures.subfolders(folder)]
    if not classes:
        raise UserError(
            f"support={folder} has no folders of classes: it takes support/CLASS/*.png."
        )
    labels = np.repeat(np.arange(len(classes)), [len(files) for _, files in classes])
    inputs = _inputs([file for _, files in classes for file in files], source)
    return Support([name for name, _ in classes], Examples(inputs, torch.from_numpy(labels)))


def query_of(folder: Path, source: TaskSource) -> Query:
    """Reads the images `folder/*.png`, and `folder/CLASS/*.png`, where the class is known.

    Raises:
        UserError: if there are no images.
    """
    images: list[tuple[Path, str | None]] = [(file, None) for file in pictures.files(folder)]
    for inner in pictures.subfolders(folder):
        images += [(file, inner.name) for file in pictures.files(inner)]
    if not images:
        raise UserError(
            f"query={folder} holds no images ({', '.join(pictures.ENDINGS)}), nor do the folders "
            "in it."
        )
    files = [file for file, _ in images]
    return Query(files, _inputs(files, source), [truth for _, truth in images])


def _inputs(files: list[Path], source: TaskSource) -> Tensor:
    """Normalised inputs `(files, channels, height, width)`."""
    assert source.reading is not None
    images = np.stack([source.reading.read(file) for file in files])
    inputs: Tensor = source.transform(torch.from_numpy(np.moveaxis(images, -1, -3)).contiguous())
    return inputs
