"""A check before a file that is not trusted is opened."""

import os
import stat
from pathlib import Path

from innerloop.errors import UserError


def regular_file(path: Path, most: int | None = None) -> Path:
    """The path, if it leads to a regular file: opening a pipe or a device may never return.

    Arguments:
        path: of the file.
        most: bytes that a file of this kind can have; None for any number.

    Raises:
        UserError: if the file is missing, not a regular file, or too large.
    """
    try:
        status = path.stat()
    except OSError as error:
        if not os.path.lexists(path):
            raise UserError(f"{path} is not there.") from error
        fault = f"cannot be followed to a file ({error.strerror})"
    else:
        if not stat.S_ISREG(status.st_mode):
            kind = "folder" if stat.S_ISDIR(status.st_mode) else "pipe or a device"
            fault = f"is a {kind}, not a file"
        elif most is not None and status.st_size > most:
            fault = f"has {status.st_size:,} bytes, too many for a file of this kind"
        else:
            return path
    raise UserError(f"{path} {fault}: repair it or take it out.")
