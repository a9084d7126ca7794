"""How a program that runs an experiment ends: its status, its W&B run, its lock."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from innerloop.callbacks.interruption import Interrupted
from innerloop.errors import UserError
from innerloop.machine import lock, processes
from innerloop.run import notices


@contextmanager
def ending(folder: Path, afterwards: str) -> Iterator[None]:
    """Ends with a status that shells understand, and ends the W&B run, so that no two runs share
    one.

    Arguments:
        folder: of the run, whose lock is released.
        afterwards: what a user can do after an interruption.
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
            "Another process of this run is gone, or did not answer in trainer.strategy.timeout: "
            f"its own output says why. {afterwards}."
        ) from error
    finally:
        if "wandb" in sys.modules:
            sys.modules["wandb"].finish(exit_code=status)
        lock.release(folder)
