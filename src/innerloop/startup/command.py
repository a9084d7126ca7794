"""The program at its command line: a user's mistake ends it with a line or two and status 1.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import UserError, one_line, visible
from innerloop.startup import overrides

FULL = "HYDRA_FULL_ERROR"  # Hydra's own switch for tracebacks
ASKED = "INNERLOOP_FULL_ERROR"  # what it was when the program started
INTERRUPTED = 130  #: the shell's status of a program that Ctrl-C ended
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
    sys.argv[1:] = overrides.options_first(sys.argv[1:])
    try:
        main()
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        if wants_traceback:
            raise
        if _by_keyboard(error):
            print("Stopped by the keyboard.", file=sys.stderr)
            sys.exit(INTERRUPTED)
        message = None if isinstance(error, SystemExit) else explain(error)
        if message is None:
            raise
        sys.exit(f"Error: {message}\n(HYDRA_FULL_ERROR=1 shows where it happened.)")


def explain(error: BaseException) -> str | None:
    """What to tell the user, from the error or from what caused it; None if it is no mistake."""
    said = _explained(error)
    return None if said is None else "\n".join(map(visible, said.split("\n")))


def _explained(error: BaseException) -> str | None:
    for seen in _chain(error):
        if isinstance(seen, UserError):
            return str(seen)
        if isinstance(seen, OSError) and seen.errno in DISK:
            return f"{seen.filename or 'writing failed'}: {DISK[seen.errno]}."
        if isinstance(seen, MemoryError) or "can't allocate memory" in str(seen):
            return (
                f"not enough memory: {one_line(seen)} Fewer outer.tasks, a smaller "
                "evaluation.batch, episode or engine.chunk need less."
            )
    name = type(error).__name__  # of what is heavy to import here, or an extra
    if name == "MisconfigurationException":  # Lightning's
        said = one_line(error)
        of_device = any(word in said for word in ("device", "accelerator", "backend", "GPU"))
        return f"{said} If this machine lacks one, use trainer=cpu or auto." if of_device else said
    if name == "TerminatedWorkerError":  # joblib's
        return (
            "a member's process was killed, perhaps for want of memory, and joblib ends with it. "
            "The same command with sweep.resume=true and its hydra.sweep.dir=FOLDER goes on."
        )
    if name == "ValidationError" and hasattr(error, "errors"):  # pydantic's
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
    if isinstance(error, InstantiationException):
        return one_line(error)
    if isinstance(error, HydraException | OmegaConfBaseException) or _while_composing(error):
        return overrides.explained(error)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what caused it, and so on."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _by_keyboard(error: BaseException) -> bool:
    """Whether Ctrl-C is behind it: Lightning turns that into an exit with status 1."""
    if isinstance(error, SystemExit):
        return error.code == 1 and isinstance(error.__context__, KeyboardInterrupt)
    return isinstance(error, KeyboardInterrupt)


def _while_composing(error: BaseException) -> bool:
    """Whether Hydra itself failed at what the command line says."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return name.partition(".")[0] in ("hydra", "omegaconf", "antlr4")
