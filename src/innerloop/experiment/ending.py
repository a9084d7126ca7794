"""The end of a program that runs an experiment: exit status, W&B run and lock."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from innerloop.callbacks.interruption import Interrupted
from innerloop.errors import UserError
from innerloop.experiment import notices
from innerloop.machine import lock, processes


@contextmanager
def ending(folder: Path, afterwards: str) -> Iterator[None]:
    """Closes a run whatever happens inside: its W&B run with a status, and the lock of its folder.

    Arguments:
        folder: of the run.
        afterwards: what a user can do after an interruption.

    Raises:
        UserError: if another process of the run died.
    """
    status = 1
    try:
        yield
        status = 0
    except Interrupted as end:
        notices.say(f"stopped by {end.name} at outer step {end.step}; {afterwards}")
        raise
    except RuntimeError as error:
        if not processes.lost_a_process(error):
            raise
        raise UserError(
            "Another process of this run is gone, or did not answer within "
            f"trainer.strategy.timeout: its own output says why. {afterwards}."
        ) from error
    finally:
        if "wandb" in sys.modules:
            sys.modules["wandb"].finish(exit_code=status)
        lock.release(folder)
