"""Packs: all images of a data set as uint8 arrays on disk, opened by memory map.

A pack is a folder. `<split>.u8` holds the images of a split, `(images, height, width, channels)`,
one class after another; `pack.json` holds the names of the classes, the recipe and checksums.
"""

import hashlib
import json
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from innerloop.data.packs.record import FILES, LARGEST, RECORD, Recipe, Record, SplitRecord
from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError, visible

log = logging.getLogger(__name__)


class Pack:
    """A complete pack with all its files open: replacing them later changes nothing.

    Arguments:
        folder: of the pack.
        record: the content of its `pack.json`.

    Raises `ValueError`, or what a damaged record raises, if the files differ from the record.
    """

    def __init__(self, folder: Path, record: Record) -> None:
        self.folder, self.record = folder, record
        self._images = {
            split: _open_images(folder / f"{split}.{FILES[_kind(part)]}", part)
            for split, part in record["splits"].items()
        }

    def __reduce__(self) -> tuple[Callable[..., "Pack"], tuple[object, ...]]:
        return _reopen, (self.folder, self.record)  # for data workers that are not forked

    @property
    def splits(self) -> list[str]:
        """Names of the splits."""
        return list(self.record["splits"])

    def images(self, split: str) -> np.ndarray:
        """The images of a split, `(images, height, width, channels)` uint8, read as needed."""
        return self._images[split]

    def classes(self, split: str) -> list[str]:
        """Names of the classes of a split, in the order of their images."""
        return list(self.record["splits"][split]["classes"])

    def counts(self, split: str) -> np.ndarray:
        """Number of images of each class of a split, `(classes,)`."""
        return np.asarray(self.record["splits"][split]["counts"])

    def series(self, split: str) -> list[list[int]] | None:
        """Number of images of each series of each class of a split; None if it has no series."""
        return self.record["splits"][split].get("series")

    def checksum(self, split: str) -> str:
        """SHA-256 of the split's images."""
        return str(self.record["splits"][split]["sha256"])


def open_pack(folder: Path, recipe: Recipe) -> Pack | None:
    """The pack in `folder`; None if it is missing, damaged, or made by another recipe."""
    if not (folder / RECORD).exists():
        return None
    try:
        record = json.loads(regular_file(folder / RECORD, LARGEST).read_text())
        return Pack(folder, record) if record["recipe"] == recipe else None
    except Exception as error:  # a damaged record can raise nearly anything
        log.warning(
            "The pack %s is damaged (%s): it is built again.", visible(folder), visible(error)
        )
        return None


def _reopen(folder: Path, record: Record) -> Pack:
    """The same pack in another process of the run."""
    try:
        return Pack(folder, record)
    except Exception as error:
        raise UserError(
            f"The pack {folder} was changed while a run read it ({error}): start the run again."
        ) from error


def _kind(part: SplitRecord) -> str:
    """The kind of a split's numbers; older packs of images do not record it."""
    return part.get("kind", "uint8")


def _open_images(file: Path, part: SplitRecord) -> np.ndarray:
    """The images of a split, if they agree with the record.

    If the file's time of change is not the recorded one, the checksum is compared.
    """
    with regular_file(file).open("rb") as stream:
        status, shape, counts = os.fstat(stream.fileno()), part["shape"], part["counts"]
        kind = np.dtype(_kind(part))
        if len(shape) < 3 or math.prod(shape) * kind.itemsize != status.st_size:
            raise ValueError(f"the size of {file} is not the recorded one")
        if sum(counts) != shape[0] or min(counts) < 0 or len(counts) != len(part["classes"]):
            raise ValueError(f"the classes of {file} are not the recorded ones")
        if "series" in part and [sum(sizes) for sizes in part["series"]] != counts:
            raise ValueError(f"the series of {file} are not the recorded ones")
        images = np.memmap(stream, kind, "r", shape=tuple(shape))
    touched = status.st_mtime_ns != part["mtime_ns"]
    if touched and hashlib.sha256(images.data).hexdigest() != part["sha256"]:
        raise ValueError(f"{file} was altered")
    return images
