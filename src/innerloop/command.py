"""The program at its command line: a user's mistake ends it with a line or two and status 1.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import errno
import os
import sys
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import UserError, visible

FULL = "HYDRA_FULL_ERROR"  # Hydra's own switch for tracebacks
ASKED = "INNERLOOP_FULL_ERROR"  # what it was when the program started
DISK = {
    errno.ENOSPC: "the disk is full: free some space, or choose another folder with hydra.run.dir=",
    errno.EDQUOT: "the disk quota is used up: choose another folder with hydra.run.dir=",
    errno.EFBIG: "the file would be larger than this system allows: choose another hydra.run.dir=",
    errno.EROFS: "the folder is read-only: choose another with hydra.run.dir= or paths.data=",
    errno.EACCES: "permission denied: choose another folder with hydra.run.dir= or paths.data=",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter folder with hydra.run.dir=",
}


def run(main: Callable[[], object]) -> None:
    """Runs a program of Hydra's; what a user can mend is said without a traceback.

    HYDRA_FULL_ERROR=1 shows the traceback, as everywhere with Hydra.
    """
    # Processes that this one starts find what was asked for, not what is set below.
    wants_traceback = os.environ.setdefault(ASKED, os.environ.get(FULL, "0")) == "1"
    os.environ[FULL] = "1"  # Hydra passes errors on instead of printing them in its own way
    try:
        main()
    except Exception as error:
        message = explain(error)
        if wants_traceback or message is None:
            raise
        message = "\n".join(map(visible, message.split("\n")))
        sys.exit(f"Error: {message}\n(HYDRA_FULL_ERROR=1 shows where it happened.)")


def explain(error: BaseException) -> str | None:
    """What to tell the user, from the error or from what caused it; None if it is no mistake."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, UserError):
            return str(seen)
        if isinstance(seen, OSError) and seen.errno in DISK:
            return f"{seen.filename or 'writing failed'}: {DISK[seen.errno]}."
        seen = seen.__cause__ or seen.__context__
    if type(error).__name__ == "MisconfigurationException":  # Lightning's: heavy to import here
        return f"{_one_line(error)} If this machine lacks a device, use trainer=cpu or auto."
    if type(error).__name__ == "TerminatedWorkerError":  # joblib's: an extra
        return (
            "a member's process was killed, perhaps for want of memory, and joblib ends with it. "
            "The same command with sweep.resume=true and its hydra.sweep.dir=FOLDER goes on."
        )
    return _one_line(error) if isinstance(error, HydraException | OmegaConfBaseException) else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split("Config search path")[0].split())
