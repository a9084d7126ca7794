"""Whether a file or a folder can be written, checked before the work for it begins."""

import contextlib
import os
from pathlib import Path

from innerloop.errors import UserError, visible


def check_file_writable(path: Path) -> None:
    """Checks that a file of this name can be written; writes nothing.

    Raises:
        UserError: if it cannot.
    """
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if path.is_dir():
        fault = "is a folder"
    elif not folder.is_dir() or not os.access(folder, os.W_OK):
        fault = f"needs {folder}, which is not a folder that can be written to"
    else:
        return
    raise UserError(f"{path} {fault}: give the name of a file that can be written.")


def check_writable(folder: Path, key: str = "hydra.run.dir=") -> None:
    """Tries to write into a folder, which need not exist yet; leaves nothing behind.

    Arguments:
        folder: the folder.
        key: what the user types to choose another folder, for the message.

    Raises:
        UserError: if nothing can be written.
    """
    new_folders = [place for place in (folder, *folder.parents) if not place.exists()]
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 4096)
    except OSError as error:
        raise UserError(
            f"The output folder {visible(folder)} cannot be written: {error.strerror}. "
            f"Choose another with {key}FOLDER."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
            for place in new_folders:
                place.rmdir()
