"""Writes the files of a pack: the images of each split, and the record of them."""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from innerloop.data.packs.copies import Copies
from innerloop.data.packs.record import FILES, RECORD, Recipe, Record, SplitRecord
from innerloop.errors import visible
from innerloop.machine.files import write_whole

#: Name of a class, images `(n, height, width, channels)` or features `(n, turns, width)`.
Images = tuple[str, np.ndarray]
InSeries = tuple[str, np.ndarray, np.ndarray]  #: and `(n,)` the number of each image's series
Classes = Iterable[Images | InSeries]  #: a class may come in parts, one after another
log = logging.getLogger(__name__)


def write_pack(folder: Path, recipe: Recipe, splits: Mapping[str, Classes]) -> None:
    """Writes the images of all splits into a folder, then the record.

    Arguments:
        folder: an empty folder.
        recipe: how the pack is made.
        splits: the classes of each split.
    """
    copies = Copies()
    parts = _write_splits(folder, splits, "packing", copies)
    record: Record = {
        "recipe": recipe,
        "splits": parts,
        "copies": copies.left_out,
        "shared": copies.shared,
    }
    if copies.left_out:
        few = "; ".join(copies.left_out[:3])
        log.warning("%d images are copies: %s", len(copies.left_out), visible(few))
    write_whole(folder / RECORD, json.dumps(record))


def write_features(folder: Path, recipe: Recipe, splits: Mapping[str, Classes]) -> None:
    """Writes features as `write_pack` writes images; equal rows stay, as each is an image's."""
    record: Record = {"recipe": recipe, "splits": _write_splits(folder, splits, "encoding")}
    write_whole(folder / RECORD, json.dumps(record))


def _write_splits(
    folder: Path, splits: Mapping[str, Classes], doing: str, copies: Copies | None = None
) -> dict[str, SplitRecord]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}: {task.completed:.0f} classes")
    bars = Progress(text, BarColumn(), TimeElapsedColumn(), console=Console(stderr=True))
    parts = {}
    with bars as progress:
        for split, classes in splits.items():
            bar = progress.add_task(f"{doing} {split}", total=None)
            tracked = progress.track(classes, task_id=bar)
            parts[split] = _write_split(folder / split, tracked, split, copies)
            progress.update(bar, total=len(parts[split]["classes"]))
    return parts


def _write_split(path: Path, classes: Classes, split: str, copies: Copies | None) -> SplitRecord:
    with path.open("wb") as file:
        part = _write_classes(file, classes, split, copies)
        file.flush()
        os.fsync(file.fileno())
    complete = path.rename(path.with_name(f"{split}.{FILES[part['kind']]}"))
    part["mtime_ns"] = complete.stat().st_mtime_ns
    return part


def _write_classes(
    file: IO[bytes], classes: Classes, split: str, copies: Copies | None
) -> SplitRecord:
    """Writes one class after another; the time of change is not known yet."""
    digest, shape, kind = hashlib.sha256(), (0, 0, 0), np.dtype(np.uint8)
    members: dict[str, dict[int, int]] = {}  # images of each series of each class
    for name, images, *series in classes:
        rows = range(len(images)) if copies is None else copies.new_images(images, split, name)
        data = np.ascontiguousarray(images[rows]).tobytes()
        file.write(data)
        digest.update(data)
        numbers = series[0][rows].tolist() if series else [-1] * len(rows)
        _count(numbers, members.setdefault(name, {}))
        shape, kind = images.shape[1:], images.dtype
    lengths = [list(sizes.values()) for sizes in members.values()]
    part: SplitRecord = {
        "classes": list(members),
        "counts": [sum(sizes) for sizes in lengths],
        "shape": [sum(map(sum, lengths)), *shape],
        "kind": kind.name,
        "sha256": digest.hexdigest(),
        "mtime_ns": 0,
    }
    if any(-1 not in sizes for sizes in members.values()):
        part["series"] = lengths
    return part


def _count(numbers: list[int], sizes: dict[int, int]) -> None:
    """Adds the images with these numbers of series to the sizes of the series."""
    for number in numbers:
        sizes[number] = sizes.get(number, 0) + 1
