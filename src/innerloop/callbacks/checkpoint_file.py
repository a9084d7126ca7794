"""Checkpoints that are whole or not there, and that hold nothing but tensors and plain values."""

import os
import zipfile
from pathlib import Path
from typing import IO, Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from torch.serialization import get_unsafe_globals_in_checkpoint

from innerloop.errors import UserError, visible
from innerloop.files import earlier, whole_file

CHECKPOINTS = "checkpoints"  #: the folder of a run that holds them
RECORD: dict[str, Any] = {
    "config": dict,
    "engine": dict,
    "seconds": (int, float),
    "step": int,
    "validation": dict,
}
BEST, LAST = "best.ckpt", "last.ckpt"


class AtomicCheckpointIO(CheckpointIO):
    """Writes to a temporary name in the target's folder, then renames.

    Lightning's own goes through the system's temporary folder, which on another file system means
    a copy that a kill can cut short.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """`storage_options` are those of `whole_file`: how many files are kept, by default 2.

        Thus the best checkpoint before `best.ckpt` stays as `best-1.ckpt`, in case that is damaged.
        """
        with whole_file(Path(path), **{"keep": 2, **(storage_options or {})}) as file:
            torch.save(checkpoint, file)
            _check_plain(file, Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return read_checkpoint(path, map_location or "cpu")

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """The checkpoint as plain containers and tensors; no code of the file is ever run.

    The checksums (CRC-32 of each part, which torch writes and does not read) are compared first:
    a byte that has changed in a tensor would load without a word.

    Raises:
        UserError: if the file is missing, damaged, asks for code, or is no checkpoint of innerloop.
    """
    if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for
        raise UserError(f"{visible(path)} is no file: give a run's folder or a .ckpt file.")
    try:
        with zipfile.ZipFile(path) as parts:
            damaged = parts.testzip()
        if damaged is None and (asked := get_unsafe_globals_in_checkpoint(str(path))):
            raise UserError(
                f"{path} asks for {visible(', '.join(asked[:3]))}: it is not opened, as it could "
                "run any program. A checkpoint of innerloop holds plain containers and tensors alone."
            )
        found = torch.load(path, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise UserError(
            f"There is no checkpoint {path}: give a run's folder or a .ckpt file."
        ) from None
    except (PermissionError, UserError):
        raise
    except Exception as error:  # there are a dozen kinds for a file that is not whole
        raise UserError(_damaged(path, type(error).__name__)) from error
    if damaged is not None:
        raise UserError(_damaged(path, f"the checksum of {damaged} differs"))
    if not isinstance(found, dict) or "innerloop" not in found:
        raise UserError(f"{path} is not a checkpoint written by innerloop.")
    return found


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


def _check_plain(file: IO[bytes], path: Path) -> None:
    file.seek(0)
    if asked := get_unsafe_globals_in_checkpoint(file):
        raise UserError(
            f"{path} would hold {', '.join(asked[:3])}, which could not be read back: a state_dict "
            "of a callback or module must be made of tensors, numbers, strings, lists and dicts."
        )
    file.seek(0, 2)


def _damaged(path: str | Path, why: str) -> str:
    return f"{path} is damaged or is no checkpoint ({why}): another one of the run may be whole."


def _age(file: Path) -> int:
    """How many checkpoints of that name were written since: 1 for `last-1.ckpt`."""
    number = file.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
