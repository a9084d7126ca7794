"""One process at a time in a run's folder.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from innerloop.errors import UserError, visible

LOCK = ".run.lock"  #: held while a process works in the folder; its death frees it
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")  #: set by whatever starts processes

_held: dict[Path, FileLock] = {}


def first_process() -> bool:
    """Whether this is the first process of its run, which alone locks the folder for all."""
    return not any(os.environ.get(name, "0") not in ("", "0") for name in RANKS)


def hold(folder: Path) -> None:
    """Locks a run's folder until `release`, or until this process is gone.

    A folder that this process holds already stays held.

    Raises:
        UserError: if another process holds it.
    """
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(in_use(folder)) from None
    _held[folder.resolve()] = lock


def release(folder: Path) -> None:
    """Frees a folder that this process holds; nothing happens if it does not."""
    lock = _held.pop(folder.resolve(), None)
    if lock is not None:
        lock.release(force=True)


def is_held(folder: Path) -> bool:
    """Whether another process holds a folder; leaves no trace in it."""
    if not (folder / LOCK).exists() or folder.resolve() in _held:
        return False
    try:
        with FileLock(folder / LOCK, blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # what has the lock's name is no lock
        return False


def in_use(folder: Path) -> str:
    """What to say of a folder that another process holds."""
    return (
        f"{visible(folder)} is in use by another process, which is still running: wait for its "
        "end, or give another folder with hydra.run.dir=FOLDER."
    )


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a folder while what is inside runs."""
    hold(folder)
    try:
        yield
    finally:
        release(folder)


def new_folder(folder: Path) -> Path:
    """Makes a folder of this name that no other process has made: with `_2`, `_3`... if need be."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}_{number}")
        with contextlib.suppress(FileExistsError):
            place.mkdir()
            return place
    raise AssertionError
