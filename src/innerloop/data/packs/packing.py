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

from innerloop.data.packs.copies import Copies
from innerloop.data.packs.pack import RECORD, Pack, name_of, open_pack, pack_folder
from innerloop.errors import UserError, visible
from innerloop.machine.files import write_whole

Classes = Iterable[tuple[str, np.ndarray]]  #: names with images `(n, height, width, channels)`
log = logging.getLogger(__name__)


def open_or_build(
    data: Path, name: str, recipe: Callable[[], dict[str, Any]], read: Callable[[], Mapping]
) -> Pack:
    """The pack of a recipe, wherever it lies; built if there is none.

    Every recipe has a folder of its own, so that packs of two sizes never meet.

    Arguments:
        data: folder of the data set.
        name: of the data set.
        recipe: gives the recipe; asked again after the files were read, as they may have changed.
        read: gives the classes of each split.

    Raises:
        UserError: if the files changed while they were read.
    """
    wanted = recipe()
    own, beside, place = name_of(wanted), data / "packed", pack_folder(data, name)
    for folder in (beside / own, place / own, beside):  # packs once lay in `beside` itself
        if (found := open_pack(folder, wanted)) is not None:
            return found

    def check() -> None:
        if recipe() != wanted:
            raise UserError(f"The files in {data} changed while they were packed: start again.")

    return build_pack(place / own, wanted, read, check)


def build_pack(
    folder: Path,
    recipe: dict[str, Any],
    read: Callable[[], Mapping[str, Classes]],
    check: Callable[[], None] = lambda: None,
) -> Pack:
    """Writes a pack beside `folder`, then renames it into place: it is whole or not there.

    Of several processes one builds, and the others wait for it. Identical images within a split
    are kept once, so that support and query never share one.

    Arguments:
        read: gives the classes of each split.
        check: raises an error if they cannot be trusted after all.

    Raises:
        UserError: if the folder cannot be made, because something else has its name.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"{folder.parent} is the folder for packed images, but something else has that name: "
            "rename it or take it out."
        ) from error
    with _alone(folder):
        made = open_pack(folder, recipe)  # by the process that was waited for
        if made is None:
            _build(folder, recipe, read(), check)
            made = open_pack(folder, recipe)
    assert made is not None, f"the pack in {folder} vanished as soon as it was written"
    return made


def _build(
    folder: Path,
    recipe: dict[str, Any],
    splits: Mapping[str, Classes],
    check: Callable[[], None],
) -> None:
    work = folder.with_name(f".{folder.name}.part")
    if work.exists():
        log.warning("Removed a half-written pack, %s.", visible(work))
    _remove(work)
    work.mkdir()
    try:
        record: dict[str, Any] = {"recipe": recipe, "splits": {}}
        _write_splits(work, record, splits)
        write_whole(work / RECORD, json.dumps(record))
        check()
        _remove(folder)  # a damaged pack: who reads it has its files open
        os.rename(work, folder)
    except OSError as error:
        error.filename = error.filename or str(folder)  # the error of a full disk names no file
        raise
    finally:
        _remove(work)


def _remove(path: Path) -> None:
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While open, no other process builds the same pack."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("Another process is packing %s: waiting for it.", visible(folder))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _write_splits(work: Path, record: dict[str, Any], splits: Mapping[str, Classes]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    copies, done = Copies(), TextColumn("{task.description}: {task.completed:.0f} classes")
    bars = Progress(done, BarColumn(), TimeElapsedColumn(), console=Console(stderr=True))
    with bars as progress:
        for split, classes in splits.items():
            bar = progress.add_task(f"packing {split}", total=None)
            with (work / f"{split}.u8").open("wb") as file:
                part = _write_classes(file, progress.track(classes, task_id=bar), split, copies)
                file.flush()
                os.fsync(file.fileno())
            part["mtime_ns"] = (work / f"{split}.u8").stat().st_mtime_ns
            record["splits"][split] = part
            progress.update(bar, total=len(part["classes"]))
    record |= {"copies": copies.left_out, "shared": copies.shared}
    if copies.left_out:
        few = "; ".join(copies.left_out[:3])
        log.warning("%d images are copies: %s", len(copies.left_out), visible(few))


def _write_classes(file: Any, classes: Classes, split: str, copies: Copies) -> dict[str, Any]:
    digest, names, counts, shape = hashlib.sha256(), [], [], (0, 0, 0)
    for name, images in classes:
        kept = images[copies.first_of_their_kind(images, split, name)]
        data = np.ascontiguousarray(kept).tobytes()
        file.write(data)
        digest.update(data)
        names.append(name)
        counts.append(len(kept))
        shape = images.shape[1:]
    return {
        "classes": names,
        "counts": counts,
        "shape": [sum(counts), *shape],
        "sha256": digest.hexdigest(),
    }
