"""Turns a user's mistakes into a line or two; everything else keeps its traceback."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import CompactHydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import UserError

DISK = {
    errno.ENOSPC: "the disk is full: free some space, or choose another folder with hydra.run.dir=",
    errno.EDQUOT: "the disk quota is used up: choose another folder with hydra.run.dir=",
    errno.EFBIG: "the file would be larger than this system allows",
    errno.EROFS: "the folder is read-only: choose another with hydra.run.dir= or paths.data=",
    errno.EACCES: "permission denied: choose another folder with hydra.run.dir= or paths.data=",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter folder with hydra.run.dir=",
}


@contextmanager
def plain_errors() -> Iterator[None]:
    """While open, a mistake that a user can mend ends the run with a message alone.

    Hydra prints it, exits with status 1, and shows the traceback under HYDRA_FULL_ERROR=1; within
    a sweep the other members go on.
    """
    try:
        yield
    except Exception as error:
        message = _explain(error)
        if message is None:
            raise
        raise CompactHydraException(f"Error: {message}") from error


def _explain(error: BaseException | None) -> str | None:
    """The message for a user, from the error or from what caused it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError):
            return str(seen)
        if isinstance(seen, OSError) and seen.errno in DISK:
            return f"{seen.filename or 'writing failed'}: {DISK[seen.errno]}."
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, InstantiationException | OmegaConfBaseException):
        return " ".join(str(error).split())
    if type(error).__name__ == "MisconfigurationException":
        hint = " Use trainer=cpu or trainer=auto." if "ccelerator" in str(error) else ""
        return " ".join(str(error).split()) + hint
    return None
