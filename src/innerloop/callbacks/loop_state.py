"""The state of Lightning's loops for a resumed training: every step so far is complete."""

from collections.abc import Mapping

DONE = ("ready", "started", "processed", "completed")


def loops_after(
    fit_loop: Mapping[str, object], step: int, every: int, validates: bool
) -> dict[str, object]:
    """The state of the fit loop between two outer steps, wherever the checkpoint was written.

    Lightning's own state depends on the hook that wrote the checkpoint: from within a batch a
    resumed training misses a validation or a log entry, from within a validation it resumes in
    the middle.

    Arguments:
        fit_loop: the state in the checkpoint.
        step: outer steps done.
        every: outer steps between two validations.
        validates: whether the validation after these steps is still to be done.
    """
    done = dict.fromkeys(DONE, step)
    progress = {"total": done, "current": dict(done), "is_last_batch": False}
    # The loop counts a step after its validation, which it is made to skip or to repeat.
    counted = step - 1 if validates or step % every == 0 else step
    fresh = {"ready": 0, "started": 0, "processed": 0, "completed": 0}
    begun = fresh | {"ready": 1, "started": 1} if validates else fresh
    validation = {"total": begun, "current": fresh, "is_last_batch": False}
    return {
        **fit_loop,
        "epoch_loop.state_dict": {"_batches_that_stepped": counted},
        "epoch_loop.batch_progress": progress,
        "epoch_loop.val_loop.batch_progress": validation,
    }
