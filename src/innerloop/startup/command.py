"""Runs a program: a mistake of the user ends it with a line or two and status 1.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import UserError, one_line, visible
from innerloop.machine.screen import RED, painted, wrapped
from innerloop.startup import dotenv, overrides

FULL = "HYDRA_FULL_ERROR"  #: Hydra's own switch for tracebacks
TRACEBACK = "INNERLOOP_FULL_ERROR"  #: the value of that switch when the program started
INTERRUPTED = 130  #: the shell's status for a program that Ctrl-C ended
NO_FLOAT64 = "MPS framework doesn't support float64"  #: in PyTorch's error on an Apple GPU
DISK = {
    errno.ENOSPC: "the disk is full: free some space, or choose another folder with hydra.run.dir=",
    errno.EDQUOT: "the disk quota is used up: choose another folder with hydra.run.dir=",
    errno.EFBIG: "the file would be larger than this system allows: choose another hydra.run.dir=",
    errno.EROFS: "the folder is read-only: choose another with hydra.run.dir= or paths.data=",
    errno.EACCES: "permission denied: choose another folder with hydra.run.dir= or paths.data=",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter folder with hydra.run.dir=",
}


def run(main: Callable[[], object]) -> None:
    """Runs a Hydra program; an error that the user can mend is printed without a traceback.

    HYDRA_FULL_ERROR=1 shows the traceback, as in every Hydra program. The file `.env`
    is read first.
    """
    # Child processes find the user's choice here, not the value that is set below.
    wants_traceback = os.environ.setdefault(TRACEBACK, os.environ.get(FULL, "0")) == "1"
    os.environ[FULL] = "1"  # Hydra then raises errors instead of printing them
    sys.argv[1:] = overrides.options_first(sys.argv[1:])
    try:
        dotenv.load()
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
        text = wrapped(
            f"Error: {message}\n(HYDRA_FULL_ERROR=1 shows where it happened.)", sys.stderr
        )
        sys.exit(text.replace("Error:", painted("Error:", RED, sys.stderr), 1))


def explain(error: BaseException) -> str | None:
    """The message for the user, from an error or from its causes; None for a bug.

    Control characters are spelled out; the message may have several lines.
    """
    for explained in (_by_cause, _by_library, _by_hydra):
        message = explained(error)
        if message is not None:
            return "\n".join(map(visible, message.split("\n")))
    return None


def _by_cause(error: BaseException) -> str | None:
    """The message where the error, or one of its causes, is the user's or the machine's."""
    for cause in _chain(error):
        if isinstance(cause, UserError):
            return str(cause)
        if isinstance(cause, OSError) and cause.errno in DISK:
            return f"{cause.filename or 'writing failed'}: {DISK[cause.errno]}."
        if NO_FLOAT64 in str(cause):
            return "this algorithm computes in float64, which Apple's GPUs lack: use trainer=cpu."
        if isinstance(cause, MemoryError) or "can't allocate memory" in str(cause):
            return (
                f"not enough memory: {one_line(cause)} Fewer outer.tasks, a smaller "
                "evaluation.batch, episode or engine.chunk need less."
            )
    return None


def _by_library(error: BaseException) -> str | None:
    """The message for errors of libraries that are heavy to import or optional, by their names."""
    name = type(error).__name__
    if name == "MisconfigurationException":  # Lightning's
        message = one_line(error)
        if any(word in message for word in ("device", "accelerator", "backend", "GPU")):
            return f"{message} If this machine lacks one, use trainer=cpu or auto."
        return message
    if name == "TerminatedWorkerError":  # joblib's
        return (
            "the process of a member was killed, perhaps for lack of memory, and joblib stopped. "
            "The same command with sweep.resume=true and its hydra.sweep.dir=FOLDER resumes it."
        )
    if name == "ValidationError" and hasattr(error, "errors"):  # pydantic's
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
    return None


def _by_hydra(error: BaseException) -> str | None:
    """The message for errors of Hydra and OmegaConf."""
    if isinstance(error, InstantiationException):
        return one_line(error)
    if isinstance(error, HydraException | OmegaConfBaseException) or _while_composing(error):
        return overrides.explained(error)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, its cause, the cause of that, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _by_keyboard(error: BaseException) -> bool:
    """Whether Ctrl-C ended the program; Lightning turns it into an exit with status 1."""
    if isinstance(error, SystemExit):
        return error.code == 1 and isinstance(error.__context__, KeyboardInterrupt)
    return isinstance(error, KeyboardInterrupt)


def _while_composing(error: BaseException) -> bool:
    """Whether Hydra itself raised the error, from the command line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return name.partition(".")[0] in ("hydra", "omegaconf", "antlr4")
