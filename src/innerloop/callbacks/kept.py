"""The checkpoints that a run keeps: the newest whole one, the best, and what their records hold."""

import os
from pathlib import Path
from typing import Any

import torch

from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.errors import UserError
from innerloop.machine.files import earlier

CHECKPOINTS = "checkpoints"  #: the folder of a run that holds them
RECORD: dict[str, Any] = {
    "config": dict,
    "engine": dict,
    "seconds": (int, float),
    "step": int,
    "validation": dict,
}
BEST, LAST = "best.ckpt", "last.ckpt"


def record_of(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The run's own record in a checkpoint, once its fields are what they must be.

    Raises:
        UserError: if one is missing or of another kind.
    """
    record: Any = content["innerloop"] if isinstance(content["innerloop"], dict) else {}
    weights: Any = content.get("state_dict")
    wrong = [key for key, kind in RECORD.items() if not _is(record.get(key), kind)]
    if not wrong and not all(_is(value, (int, float)) for value in record["validation"].values()):
        wrong.append("validation")
    if not _is(content.get("global_step"), int):
        wrong.append("global_step")
    callbacks = content.get("callbacks", {})
    if not _is(callbacks, dict) or not all(_is(state, dict) for state in callbacks.values()):
        wrong.append("callbacks")
    named = isinstance(weights, dict) and all(isinstance(key, str) for key in weights)
    if not named or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        wrong.append("state_dict")
    if wrong:
        raise UserError(
            f"{path} is not a checkpoint of innerloop: {', '.join(wrong)} in it is missing or of "
            "another kind."
        )
    return dict(record)


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def read_newest(path: Path) -> tuple[Path, dict[str, Any], list[str]] | None:
    """The newest whole one of the checkpoints `path`, `path-1` and so on; None if there are none.

    Returns:
        its file, what it holds, and what is wrong with those that are newer.

    Raises:
        UserError: if all are damaged.
    """
    found, wrong = _newest(path)
    if found is None and wrong:
        raise UserError(" ".join(wrong))
    return None if found is None else (*found, wrong)


def best_of(folder: Path) -> tuple[Path, dict[str, Any], list[str]]:
    """A run's best checkpoint, or the one before it where the best is damaged or gone.

    Returns:
        its file, what it holds, and lines that say why it is not the best one.

    Raises:
        UserError: if there is neither.
    """
    best, last = folder / CHECKPOINTS / BEST, folder / CHECKPOINTS / LAST
    found, wrong = _newest(best)
    if found is None:
        also = f" {last} may be whole: give that file." if last.exists() else ""
        missing = f"There is no checkpoint {best}: give a run's folder or a .ckpt file."
        raise UserError((" ".join(wrong) or missing) + also)
    if found[0] == best:
        return *found, []
    why = wrong or [f"{best} is gone"]
    return *found, [*why, f"takes {found[0].name}, the best before it (outer step {_step(found)})"]


def mend(folder: Path) -> list[str]:
    """Has the best checkpoint before it take the place of one that is damaged or gone.

    For the training that owns the folder. Returns lines that say so.
    """
    best = folder / CHECKPOINTS / BEST
    found, wrong = _newest(best)
    if found is None or found[0] == best:
        return wrong
    os.replace(found[0], best)
    return [*wrong, f"{found[0].name} (outer step {_step(found)}) takes the place of {best.name}"]


def _newest(path: Path) -> tuple[tuple[Path, dict[str, Any]] | None, list[str]]:
    wrong: list[str] = []
    for file in sorted(path.parent.glob(f"{path.stem}*{path.suffix}"), key=_age):
        if file != earlier(path, _age(file)):  # a file that only begins like it
            continue
        try:
            return (file, read_checkpoint(file)), wrong
        except UserError as error:
            wrong.append(str(error))
    return None, wrong


def _step(found: tuple[Path, dict[str, Any]]) -> Any:
    return found[1].get("global_step")


def _age(file: Path) -> int:
    """How many checkpoints of that name were written since: 1 for `last-1.ckpt`."""
    number = file.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
