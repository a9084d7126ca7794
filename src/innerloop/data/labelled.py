"""A user's own task: a labelled folder to adapt to, and images to be labelled."""

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
    """Names of the classes in the order of their labels, and the labelled examples."""

    classes: list[str]
    examples: Examples


class Query(NamedTuple):
    """Files, their inputs, and the names of their classes where the folder tells them."""

    files: list[Path]
    inputs: Tensor
    truths: list[str | None]


def support_of(folder: Path, source: TaskSource) -> Support:
    """Reads `folder/CLASS/*.png` as the training images of `source` were.

    Raises:
        UserError: if there are no folders of classes, or one without images.
    """
    found = [(p.name, pictures.files_of_class(p)) for p in pictures.subfolders(folder)]
    if not found:
        raise UserError(
            f"support={folder} has no folders of classes: it takes support/CLASS/*.png."
        )
    labels = np.repeat(np.arange(len(found)), [len(files) for _, files in found])
    inputs = _inputs([file for _, files in found for file in files], source)
    return Support([name for name, _ in found], Examples(inputs, torch.from_numpy(labels)))


def query_of(folder: Path, source: TaskSource) -> Query:
    """Reads `folder/*.png`, and `folder/CLASS/*.png` whose classes are known.

    Raises:
        UserError: if there are no images.
    """
    found: list[tuple[Path, str | None]] = [(file, None) for file in pictures.files(folder)]
    for inner in pictures.subfolders(folder):
        found += [(file, inner.name) for file in pictures.files(inner)]
    if not found:
        raise UserError(
            f"query={folder} holds no images ({', '.join(pictures.ENDINGS)}), nor do the folders "
            "in it."
        )
    files = [file for file, _ in found]
    return Query(files, _inputs(files, source), [truth for _, truth in found])


def _inputs(files: list[Path], source: TaskSource) -> Tensor:
    """Normalised inputs `(files, channels, height, width)`."""
    assert source.reading is not None
    images = np.stack([source.reading.read(file) for file in files])
    inputs: Tensor = source.transform(torch.from_numpy(np.moveaxis(images, -1, -3)).contiguous())
    return inputs
