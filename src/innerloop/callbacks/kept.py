"""The checkpoints that a run keeps: the newest and the best."""

import os
from pathlib import Path
from typing import NamedTuple

from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.errors import UserError
from innerloop.machine.files import earlier
from innerloop.outer.record import CheckpointDict

CHECKPOINTS = "checkpoints"  #: their folder in the folder of a run
BEST, LAST = "best.ckpt", "last.ckpt"


class Kept(NamedTuple):
    """A checkpoint that was read.

    Arguments:
        file: its file.
        content: the content of the file.
        faults: lines that say what is wrong with the newer or better ones.
    """

    file: Path
    content: CheckpointDict
    faults: list[str]


def read_newest(path: Path) -> Kept | None:
    """The newest readable one of the checkpoints `path`, `path-1` and so on; None without any.

    Raises:
        UserError: if all are damaged.
    """
    newest, faults = _newest(path)
    if newest is None and faults:
        raise UserError(" ".join(faults))
    return newest


def best_of(folder: Path) -> Kept:
    """A run's best checkpoint, or the one before it if the best is damaged or missing.

    Raises:
        UserError: if there is neither.
    """
    best, last = folder / CHECKPOINTS / BEST, folder / CHECKPOINTS / LAST
    newest, faults = _newest(best)
    if newest is None:
        also = f" {last} may be sound: give that file." if last.exists() else ""
        missing = f"There is no checkpoint {best}: give a run's folder or a .ckpt file."
        raise UserError((" ".join(faults) or missing) + also)
    if newest.file == best:
        return newest._replace(faults=[])
    step = newest.content.get("global_step")
    choice = f"takes {newest.file.name}, the best before it (outer step {step})"
    return newest._replace(faults=[*(faults or [f"{best} is missing"]), choice])


def mend(folder: Path) -> list[str]:
    """Replaces a best checkpoint that is damaged or missing by the one before it.

    Only for the training that owns the folder. Returns lines that say so.
    """
    best = folder / CHECKPOINTS / BEST
    newest, faults = _newest(best)
    if newest is None or newest.file == best:
        return faults
    os.replace(newest.file, best)
    step = newest.content.get("global_step")
    return [*faults, f"{newest.file.name} (outer step {step}) takes the place of {best.name}"]


def _newest(path: Path) -> tuple[Kept | None, list[str]]:
    """The newest readable checkpoint, and what is wrong with the newer ones."""
    faults: list[str] = []
    for file in sorted(path.parent.glob(f"{path.stem}*{path.suffix}"), key=_age):
        if file != earlier(path, _age(file)):  # another file with the same beginning
            continue
        try:
            return Kept(file, read_checkpoint(file), faults), faults
        except UserError as error:
            faults.append(str(error))
    return None, faults


def _age(file: Path) -> int:
    """The number of later checkpoints of that name: 1 for `last-1.ckpt`."""
    number = file.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
