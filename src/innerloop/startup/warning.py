"""A one-line warning for a failure that does not stop the run."""

import os
import traceback

from innerloop.errors import visible
from innerloop.startup import command


def warn(what: str, error: Exception, then: str) -> None:
    """Prints what failed and why, in one line; HYDRA_FULL_ERROR=1 also shows the traceback.

    Arguments:
        what: the part of the work that failed.
        error: the reason.
        then: the consequence for the run.
    """
    if os.environ.get(command.TRACEBACK) == "1":
        traceback.print_exception(error)
    reason = command.explain(error) or f"{type(error).__name__}: {error}"
    print(f"Warning: {what} failed ({visible(' '.join(reason.split()))}); {then}", flush=True)
