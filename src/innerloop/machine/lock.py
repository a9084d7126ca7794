"""A lock that lets one process at a time work in a run's folder.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from innerloop.errors import UserError, visible

LOCK = ".run.lock"  #: locked while a process works in the folder, and free once it ends
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")  #: set where processes are started

_held: dict[Path, FileLock] = {}


def first_process() -> bool:
    """Whether this is the first process of its run, the one that locks the folder for all."""
    return not any(os.environ.get(name, "0") not in ("", "0") for name in RANKS)


def hold(folder: Path) -> None:
    """Locks a run's folder until `release`, or until this process ends.

    A folder that this process has already locked stays locked.

    Raises:
        UserError: if another process has locked it.
    """
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(in_use(folder)) from None
    _held[folder.resolve()] = lock


def release(folder: Path) -> None:
    """Unlocks a folder; does nothing if this process has not locked it."""
    lock = _held.pop(folder.resolve(), None)
    if lock is not None:
        lock.release(force=True)


def is_held(folder: Path) -> bool:
    """Whether another process has locked a folder; changes nothing in it."""
    if not (folder / LOCK).exists() or folder.resolve() in _held:
        return False
    try:
        with FileLock(folder / LOCK, blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # something else has the lock's name
        return False


def in_use(folder: Path) -> str:
    """The message about a folder that another process has locked."""
    return (
        f"{visible(folder)} is in use by another process, which is still running: wait for its "
        "end, or give another folder with hydra.run.dir=FOLDER."
    )


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Locks a folder while the block runs."""
    hold(folder)
    try:
        yield
    finally:
        release(folder)


def new_folder(folder: Path) -> Path:
    """Makes a new folder of this name; if the name is taken, with `_2`, `_3`... appended."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}_{number}")
        with contextlib.suppress(FileExistsError):
            place.mkdir()
            return place
    raise AssertionError
