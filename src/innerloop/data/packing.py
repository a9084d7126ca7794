"""How a pack is made: once, by one process, whole or not at all."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.pack import RECORD, Pack, open_pack

Classes = Iterable[tuple[str, np.ndarray]]  #: names with images `(n, height, width, channels)`
log = logging.getLogger(__name__)


def build_pack(
    folder: Path, recipe: dict[str, Any], read: Callable[[], Mapping[str, Classes]]
) -> Pack:
    """Writes a pack beside `folder`, then renames it into place: it is whole or not there.

    Of several processes one builds, and the others wait for it. Identical images within a split
    are kept once, so that support and query never share one.

    Arguments:
        read: gives the classes of each split.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        made = open_pack(folder, recipe)  # by the process that was waited for
        if made is None:
            _build(folder, recipe, read())
            made = open_pack(folder, recipe)
    assert made is not None, f"the pack in {folder} vanished as soon as it was written"
    return made


def _build(folder: Path, recipe: dict[str, Any], splits: Mapping[str, Classes]) -> None:
    work = folder.with_name(f".{folder.name}.part")
    if work.exists():
        log.warning("Removed a half-written pack, %s.", work)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        record = {"recipe": recipe, "splits": {}, "notes": []}
        _write_splits(work, record, splits)
        (work / RECORD).write_text(json.dumps(record))
        shutil.rmtree(folder, ignore_errors=True)  # of another recipe, or damaged
        os.rename(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While open, no other process builds the same pack."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("Another process is packing %s: waiting for it.", folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _write_splits(work: Path, record: dict[str, Any], splits: Mapping[str, Classes]) -> None:
    from rich.console import Console
    from rich.progress import Progress

    seen: dict[bytes, str] = {}
    with Progress(console=Console(stderr=True)) as progress:
        for split, classes in splits.items():
            bar = progress.add_task(f"packing {split}", total=None)
            with (work / f"{split}.u8").open("wb") as file:
                part = _write_classes(file, classes, split, seen, record["notes"], progress, bar)
                file.flush()
                os.fsync(file.fileno())
            status = (work / f"{split}.u8").stat()
            part |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
            record["splits"][split] = part
            progress.update(bar, total=len(part["classes"]))
    for note in record["notes"]:
        log.warning("%s", note)


def _write_classes(
    file: Any, classes: Classes, split: str, seen: dict[bytes, str], notes: list[str],
    progress: Any, bar: Any,
) -> dict[str, Any]:  # fmt: skip
    digest, names, counts, shape = hashlib.sha256(), [], [], (0, 0, 0)
    for name, images in classes:
        kept = images[_first_of_their_kind(images, f"{split}/{name}", seen, notes)]
        data = np.ascontiguousarray(kept).tobytes()
        file.write(data)
        digest.update(data)
        names.append(name)
        counts.append(len(kept))
        shape = images.shape[1:]
        progress.update(bar, advance=1)
    return {
        "classes": names,
        "counts": counts,
        "shape": [sum(counts), *shape],
        "sha256": digest.hexdigest(),
    }


def _first_of_their_kind(
    images: np.ndarray, place: str, seen: dict[bytes, str], notes: list[str]
) -> list[int]:
    """Rows to keep: all but copies of an image of the same split; others' copies are noted."""
    rows = []
    for row, image in enumerate(images):
        key = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        other = seen.get(key)
        if other is None:
            seen[key] = place
        elif other.split("/")[0] == place.split("/")[0]:
            notes.append(f"A copy of an image of {other} was left out of {place}.")
            continue
        else:
            notes.append(f"An image of {place} is also in {other}.")
        rows.append(row)
    return rows
