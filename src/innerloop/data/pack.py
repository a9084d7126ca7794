"""Packs: all images of a data set as uint8 arrays on disk, opened by memory map.

A pack is a folder: `<split>.u8` holds the images of a split, `(images, height, width, channels)`,
one class after the other, and `pack.json` says which, made how, with which checksum.
"""

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.files import cache_folder

RECORD = "pack.json"
log = logging.getLogger(__name__)


class Pack:
    """A finished pack.

    Arguments:
        folder: where it lies.
        record: the contents of its `pack.json`.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder, self.record = folder, record

    @property
    def splits(self) -> list[str]:
        """Names of the splits."""
        return list(self.record["splits"])

    def images(self, split: str) -> np.ndarray:
        """The images of a split, `(images, height, width, channels)` uint8, read as needed."""
        shape = tuple(self.record["splits"][split]["shape"])
        return np.memmap(self.folder / f"{split}.u8", np.uint8, "r", shape=shape)

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
    """The pack in `folder`; None if there is none, it is damaged, or made by another recipe.

    A file whose size or time of change is not the recorded one is read through and compared.
    """
    try:
        record = json.loads((folder / RECORD).read_text())
        if record["recipe"] != recipe:
            return None
        for split, part in record["splits"].items():
            file = folder / f"{split}.u8"
            status = file.stat()
            touched = [status.st_size, status.st_mtime_ns] != [part["size"], part["mtime_ns"]]
            if touched and _sha256(file) != part["sha256"]:
                log.warning("%s is damaged: the pack is built again.", file)
                return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Pack(folder, record)


def pack_folder(data: Path, name: str) -> Path:
    """Where the pack of a data set goes: beside the data, or to a cache where that is read-only."""
    beside = data / "packed"
    nearest = next(p for p in (data, *data.parents) if p.exists())
    if beside.exists() or os.access(nearest, os.W_OK):
        return beside
    place = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return cache_folder() / f"{name}-{place}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
