"""The checkpoints that a run keeps: the newest, the best, and checks of their content."""

import os
from pathlib import Path
from typing import NamedTuple

import torch

from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.errors import UserError
from innerloop.machine.files import earlier
from innerloop.outer.record import CheckpointDict, Record

CHECKPOINTS = "checkpoints"  #: their folder in the folder of a run
Kind = type | tuple[type, ...]
RECORD: dict[str, Kind] = {  #: the entries of a record, and their types
    "config": dict,
    "engine": dict,
    "seconds": (int, float),
    "step": int,
    "validation": dict,
}
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


def record_of(content: CheckpointDict, path: Path) -> Record:
    """The record of the run in a checkpoint, once its entries have the right types.

    Raises:
        UserError: if an entry is missing or of another type.
    """
    record = content["innerloop"] if isinstance(content["innerloop"], dict) else {}
    wrong = [*_wrong_in_record(record), *_wrong_outside(content)]
    if wrong:
        raise UserError(
            f"{path} is not a checkpoint of innerloop: {', '.join(wrong)} in it is missing or of "
            "another kind."
        )
    return dict(record)


def _wrong_in_record(record: Record) -> list[str]:
    """The entries of a record that are missing or of another type."""
    wrong = [key for key, kind in RECORD.items() if not _is(record.get(key), kind)]
    if not wrong and not all(_is(value, (int, float)) for value in record["validation"].values()):
        wrong.append("validation")
    return wrong


def _wrong_outside(content: CheckpointDict) -> list[str]:
    """Lightning's entries of a checkpoint that are missing or of another type."""
    callbacks, weights = content.get("callbacks", {}), content.get("state_dict")
    sound = {
        "global_step": _is(content.get("global_step"), int),
        "callbacks": isinstance(callbacks, dict)
        and all(isinstance(state, dict) for state in callbacks.values()),
        "state_dict": isinstance(weights, dict)
        and all(isinstance(key, str) for key in weights)
        and all(isinstance(value, torch.Tensor) for value in weights.values()),
    }
    return [key for key, is_sound in sound.items() if not is_sound]


def _is(value: object, kind: Kind) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


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
