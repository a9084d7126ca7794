"""Lets one process at a time make a file or folder that several processes want."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from innerloop.errors import visible

log = logging.getLogger(__name__)


@contextmanager
def in_turn(path: Path, doing: str) -> Iterator[None]:
    """Keeps other processes out while the block runs.

    Arguments:
        path: of the file or folder.
        doing: what the block does with it, such as `packing`, for the message of those who wait.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("Another process is %s %s: waiting for it.", doing, visible(path))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
