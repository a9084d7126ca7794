"""What Lightning's loops are to believe when a training goes on: so many steps, and all done."""

from typing import Any

DONE = ("ready", "started", "processed", "completed")


def loops_after(fit_loop: dict[str, Any], step: int, every: int, validates: bool) -> dict[str, Any]:
    """The state of the fit loop between two outer steps, whenever it was taken.

    Lightning's own depends on the hook in which a checkpoint was written: taken within a batch it
    goes on with a validation or a log entry less, and within a validation from its middle.

    Arguments:
        fit_loop: the state as it was taken.
        step: outer steps done.
        every: outer steps between two validations.
        validates: whether the validation after these steps is still to be done.
    """
    done = dict.fromkeys(DONE, step)
    progress = {"total": done, "current": dict(done), "is_last_batch": False}
    # The loop counts a step once it is past its validation, which it is told to skip or repeat.
    counted = step - 1 if validates or step % every == 0 else step
    fresh = {"ready": 0, "started": 0, "processed": 0, "completed": 0}
    begun = fresh | {"ready": 1, "started": 1} if validates else fresh
    validation = {"total": begun, "current": fresh, "is_last_batch": False}
    return fit_loop | {
        "epoch_loop.state_dict": {"_batches_that_stepped": counted},
        "epoch_loop.batch_progress": progress,
        "epoch_loop.val_loop.batch_progress": validation,
    }
