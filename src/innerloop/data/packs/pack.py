"""Packs: all images of a data set as uint8 arrays on disk, opened by memory map.

A pack is a folder: `<split>.u8` holds the images of a split, `(images, height, width, channels)`,
one class after the other, and `pack.json` says which, made how, with which checksum.
"""

import hashlib
import json
import logging
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.packs.ordinary import ordinary
from innerloop.errors import UserError, visible
from innerloop.machine.files import cache_folder

RECORD = "pack.json"
MOST = 2**28  #: bytes of a record
log = logging.getLogger(__name__)


class Pack:
    """A finished pack with all of its files open: what is later put in their place changes nothing.

    Arguments:
        folder: where it lies.
        record: the contents of its `pack.json`.

    Raises `ValueError`, or what a damaged record raises, if the files are not the recorded ones.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder, self.record = folder, record
        self._images = {
            split: _opened(folder / f"{split}.u8", part) for split, part in record["splits"].items()
        }

    def __reduce__(self) -> Any:
        return _open_again, (self.folder, self.record)  # for data workers that are not forked

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
        """How many images each class has."""
        return np.asarray(self.record["splits"][split]["counts"])

    def checksum(self, split: str) -> str:
        """SHA-256 of the split's images."""
        return str(self.record["splits"][split]["sha256"])


def open_pack(folder: Path, recipe: dict[str, Any]) -> Pack | None:
    """The pack in `folder`; None if there is none, it is damaged, or made by another recipe."""
    if not (folder / RECORD).exists():
        return None
    try:
        record = json.loads(ordinary(folder / RECORD, MOST).read_text())
        return Pack(folder, record) if record["recipe"] == recipe else None
    except Exception as error:  # a damaged record can raise nearly anything
        log.warning(
            "The pack %s is damaged (%s): it is built again.", visible(folder), visible(error)
        )
        return None


def _open_again(folder: Path, record: dict[str, Any]) -> Pack:
    """The same pack in another process of the run."""
    try:
        return Pack(folder, record)
    except Exception as error:
        raise UserError(
            f"The pack {folder} was changed while a run read it ({error}): start the run again."
        ) from error


def _opened(file: Path, part: dict[str, Any]) -> np.ndarray:
    """The images of a split, if they are what its part of the record says.

    A file whose time of change is not the recorded one is read through and compared.
    """
    with ordinary(file).open("rb") as stream:
        status, shape, counts = os.fstat(stream.fileno()), part["shape"], part["counts"]
        if len(shape) != 4 or math.prod(shape) != status.st_size:
            raise ValueError(f"{file} has not the size that was recorded")
        if sum(counts) != shape[0] or min(counts) < 0 or len(counts) != len(part["classes"]):
            raise ValueError(f"{file} has not the classes that were recorded")
        images = np.memmap(stream, np.uint8, "r", shape=tuple(shape))
    touched = status.st_mtime_ns != part["mtime_ns"]
    if touched and hashlib.sha256(images.data).hexdigest() != part["sha256"]:
        raise ValueError(f"{file} was altered")
    return images


def name_of(recipe: dict[str, Any]) -> str:
    """The name of the folder of the pack that is made by a recipe."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def pack_folder(data: Path, name: str) -> Path:
    """Where the packs of a data set go: beside the data, or to a cache where that is read-only."""
    beside = data / "packed"
    nearest = next(p for p in (beside, *beside.parents) if p.exists())
    if os.access(nearest, os.W_OK):
        return beside
    place = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return cache_folder() / f"{name}-{place}"
