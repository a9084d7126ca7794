"""Checks the entries of a checkpoint before they are used."""

from pathlib import Path

import torch

from innerloop.errors import UserError
from innerloop.outer.record import CheckpointDict, Record

Kind = type | tuple[type, ...]
RECORD: dict[str, Kind] = {  #: the entries of a record, and their types
    "config": dict,
    "engine": dict,
    "seconds": (int, float),
    "step": int,
    "validation": dict,
}


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
