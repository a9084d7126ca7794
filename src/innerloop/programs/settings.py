"""What both forms of adapt.py decide: the learner for a number of classes, steps, the folder."""

import time
from pathlib import Path

from innerloop.errors import UserError
from innerloop.experiment.trained import Trained, load
from innerloop.machine import lock
from innerloop.machine.writable import check_writable
from innerloop.startup import resolvers


def for_classes(trained: Trained, classes: int, ckpt_path: str, trust: bool, name: str) -> Trained:
    """The learner for tasks of so many classes.

    Arguments:
        name: of the learner, for messages.

    Raises:
        UserError: if its head has other classes.
    """
    if not trained.algorithm.fixed_ways:
        return load(ckpt_path, classes, trust)
    width = trained.algorithm.objective.width
    if classes != width:
        raise UserError(
            f"support has {classes} classes, and {name} was trained with a head for {width}: give "
            "that many, or use a metric learner such as protonet."
        )
    return trained


def steps_of(given: int | None, trained: Trained, name: str) -> int:
    """Inner steps: those that the user gave, or those of the test."""
    if given is None:
        return trained.steps
    if not trained.algorithm.adapts_by_steps:
        raise UserError(f"steps={given}: {name} adapts without inner steps, so leave steps= out.")
    return given


def check_out(given: Path | None) -> None:
    """Raises `UserError` unless the folder of the results is writable."""
    check_writable(_default_out() if given is None else given.expanduser(), "out=")


def new_or_given(given: Path | None) -> Path:
    """The folder that the user named, or a new one."""
    return lock.new_folder(_default_out()) if given is None else given.expanduser()


def _default_out() -> Path:
    place = time.strftime("%Y-%m-%d/%H-%M-%S_adapt")
    return Path(resolvers.repository()) / "outputs" / place
