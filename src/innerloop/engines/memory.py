"""Allocator settings, and retries after running out of memory."""

import ctypes
import functools
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # of glibc's malloc.h


@functools.cache
def keep_freed() -> bool:
    """Makes the C library keep memory that tensors on the CPU free; returns whether it can.

    glibc returns blocks above 32 MB to the system at once, and asks for them again page by page.
    For images of 84x84 pixels that took a third of the time of a step. Peak memory stays the same.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))


FULL = ("not enough memory", "MPS backend out of memory")  #: in errors of the processor, of Apple


def ran_out(error: BaseException) -> bool:
    """Whether the error means that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in FULL)


def fitting(run: Callable[[], Result], shrink: Callable[[], bool]) -> Result:
    """What `run` returns. When it runs out of memory, it is tried again after each `shrink`.

    Arguments:
        shrink: makes `run` take less memory; returns False if it cannot, and the error is raised.
    """
    while True:
        try:
            return run()
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error) or not shrink():
                raise
        if torch.cuda.is_available():  # here, not in the handler: its error still holds the tensors
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()
