"""What an engine asks of the memory: to keep freed blocks, and to make do when none is left."""

import ctypes
import functools
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # of glibc's malloc.h


@functools.cache
def keep_freed() -> bool:
    """Keeps what tensors on the CPU free, for the next ones; returns whether the C library can.

    glibc gives blocks above 32 MB back to the system at once, and gets them anew page after page:
    for images of 84x84 pixels that took a third of the time of a step. Peak memory stays the same.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))


def ran_out(error: BaseException) -> bool:
    """Whether the error says that memory is used up."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)


def fitting(run: Callable[[], Result], shrink: Callable[[], bool]) -> Result:
    """What `run` returns; where it runs out of memory, once more after each `shrink`.

    Arguments:
        shrink: makes `run` take less memory; False if it cannot, and the error is raised.
    """
    while True:
        try:
            return run()
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error) or not shrink():
                raise
        if torch.cuda.is_available():  # out of the handler, whose error still holds the tensors
            torch.cuda.empty_cache()
