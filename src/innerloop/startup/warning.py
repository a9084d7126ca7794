"""One line for what failed beside the run itself."""

import os
import traceback

from innerloop.errors import visible
from innerloop.startup import command


def warn(what: str, error: Exception, then: str) -> None:
    """Says what failed and why, in one line; HYDRA_FULL_ERROR=1 shows where.

    Arguments:
        then: what that means for the run.
    """
    if os.environ.get(command.ASKED) == "1":
        traceback.print_exception(error)
    reason = command.explain(error) or f"{type(error).__name__}: {error}"
    print(f"Warning: {what} failed ({visible(' '.join(reason.split()))}); {then}", flush=True)
