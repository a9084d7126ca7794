"""Checkpoints that are whole or not there, and that hold nothing but tensors and plain values."""

import zipfile
from pathlib import Path
from typing import IO, Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from torch.serialization import get_unsafe_globals_in_checkpoint

from innerloop.errors import UserError, visible
from innerloop.machine.files import whole_file


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
                "run any program. A checkpoint of innerloop holds plain containers and tensors "
                "alone."
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
