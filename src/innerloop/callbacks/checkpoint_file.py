"""Checkpoints that are whole or not there, and that hold nothing but tensors and plain values."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO

from innerloop.errors import UserError
from innerloop.files import whole_file


class AtomicCheckpointIO(CheckpointIO):
    """Writes to a temporary name in the target's folder, then renames.

    Lightning's own goes through the system's temporary folder, which on another file system means
    a copy that a kill can cut short.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        with whole_file(Path(path)) as file:
            torch.save(checkpoint, file)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return read_checkpoint(path, map_location or "cpu")

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """The checkpoint as plain containers and tensors; no code of the file is ever run.

    Raises:
        UserError: if the file is missing, cut short, or no checkpoint of innerloop.
    """
    try:
        found = torch.load(path, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise UserError(
            f"There is no checkpoint {path}: give a run's folder or a .ckpt file."
        ) from None
    except OSError:
        raise
    except Exception as error:  # torch raises half a dozen kinds for a file that is not whole
        raise UserError(
            f"{path} is damaged or is no checkpoint ({type(error).__name__}); "
            "use another one of the run, such as last.ckpt."
        ) from error
    if not isinstance(found, dict) or "innerloop" not in found:
        raise UserError(f"{path} is not a checkpoint written by innerloop.")
    return found
