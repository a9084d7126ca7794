"""Checkpoint files: complete or absent, and with nothing but tensors and plain values."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from torch.serialization import MAP_LOCATION, get_unsafe_globals_in_checkpoint

from innerloop.errors import UserError, visible
from innerloop.machine.files import whole_file
from innerloop.outer.record import CheckpointDict


class AtomicCheckpointIO(CheckpointIO):
    """Writes under a temporary name in the target's folder, then renames.

    Lightning writes to the system's temporary folder first. On another file system it then has to
    copy the file, and a kill can leave half of it.
    """

    def save_checkpoint(
        self,
        checkpoint: CheckpointDict,
        path: str | Path,
        storage_options: Mapping[str, int] | None = None,
    ) -> None:
        """Writes a checkpoint; the one before `best.ckpt` stays as `best-1.ckpt`.

        Arguments:
            storage_options: `keep`, the number of files that stay, 2 by default.
        """
        with whole_file(Path(path), **{"keep": 2, **(storage_options or {})}) as file:
            torch.save(checkpoint, file)
            _check_plain(file, Path(path))

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: MAP_LOCATION = None,
        weights_only: bool | None = True,
    ) -> CheckpointDict:
        return read_checkpoint(path, map_location or "cpu")

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: str | Path, map_location: MAP_LOCATION = "cpu") -> CheckpointDict:
    """The checkpoint as plain containers and tensors; no code of the file is ever run.

    The checksums are compared first: torch writes a CRC-32 of each part but does not check it, so
    that a changed byte in a tensor would be loaded silently.

    Raises:
        UserError: if the file is missing, damaged, names code, or is not one of innerloop.
    """
    if Path(path).exists() and not Path(path).is_file():  # opening a pipe would wait
        raise UserError(f"{visible(path)} is not a file: give a run's folder or a .ckpt file.")
    try:
        content = _load(path, map_location)
    except FileNotFoundError:
        raise UserError(
            f"There is no checkpoint {path}: give a run's folder or a .ckpt file."
        ) from None
    except (PermissionError, UserError):
        raise
    except Exception as error:  # an incomplete file raises a dozen kinds of errors
        raise UserError(_damaged(path, type(error).__name__)) from error
    if not isinstance(content, dict) or "innerloop" not in content:
        raise UserError(f"{path} is not a checkpoint written by innerloop.")
    return content


def _load(path: str | Path, map_location: MAP_LOCATION) -> object:
    """The content of a file that has the right checksums and names no code."""
    with zipfile.ZipFile(path) as parts:
        damaged = parts.testzip()
    if damaged is not None:
        raise UserError(_damaged(path, f"the checksum of {damaged} differs"))
    if code := get_unsafe_globals_in_checkpoint(str(path)):
        raise UserError(
            f"{path} asks for {visible(', '.join(code[:3]))}: it is not opened, as it could run "
            "any program. A checkpoint of innerloop holds only plain containers and tensors."
        )
    content: object = torch.load(path, map_location=map_location, weights_only=True)
    return content


def _check_plain(file: IO[bytes], path: Path) -> None:
    """Refuses to write what `read_checkpoint` would refuse to read."""
    file.seek(0)
    if code := get_unsafe_globals_in_checkpoint(file):
        raise UserError(
            f"{path} would hold {', '.join(code[:3])}, which could not be read back: a state_dict "
            "of a callback or module must be made of tensors, numbers, strings, lists and dicts."
        )
    file.seek(0, 2)


def _damaged(path: str | Path, why: str) -> str:
    return f"{path} is damaged or not a checkpoint ({why}): another one of the run may be sound."
