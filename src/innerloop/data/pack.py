"""Packs: all images of a data set as uint8 arrays on disk, opened by memory map.

A pack is a folder: `<split>.u8` holds the images of a split, `(images, height, width, channels)`,
one class after the other, and `pack.json` says which, made how, with which checksum.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Classes = Iterable[tuple[str, np.ndarray]]  #: names with images `(n, height, width, channels)`
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


def build_pack(folder: Path, recipe: dict[str, Any], splits: Mapping[str, Classes]) -> Pack:
    """Writes a pack beside `folder`, then renames it into place: it is whole or not there.

    Identical images within a split are kept once, so that support and query never share one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    work = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        record = {"recipe": recipe, "splits": {}, "notes": []}
        _write_splits(work, record, splits)
        (work / RECORD).write_text(json.dumps(record))
        _into_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    pack = open_pack(folder, recipe)
    assert pack is not None, f"the pack in {folder} vanished while it was put in place"
    return pack


def pack_folder(data: Path, name: str) -> Path:
    """Where the pack of a data set goes: beside the data, or to a cache where that is read-only."""
    beside = data / "packed"
    nearest = next(p for p in (data, *data.parents) if p.exists())
    if beside.exists() or os.access(nearest, os.W_OK):
        return beside
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    place = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return cache / "innerloop" / f"{name}-{place}"


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


def _into_place(work: Path, folder: Path) -> None:
    """Renames the finished pack; one that stands there is another recipe's, damaged, or the same
    made meanwhile by another process, and gives way."""
    old = folder.with_name(f".{folder.name}.old.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, old)
    try:
        os.rename(work, folder)
    except OSError:
        if not folder.exists():  # otherwise another process was quicker, with the same contents
            raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Removes half-written packs of processes that are gone."""
    for path in folder.parent.glob(f".{folder.name}.*"):
        pid = path.name.rsplit(".", 1)[-1]
        if pid.isdigit() and not _alive(int(pid)):
            log.warning("Removed a half-written pack, %s.", path)
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
