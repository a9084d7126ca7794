"""Files that somebody else put there: looked at before they are opened."""

import os
import stat
from pathlib import Path

from innerloop.errors import UserError


def ordinary(path: Path, most: int | None = None) -> Path:
    """The path, if it is that of an ordinary file: opening a pipe or a device may never return.

    Arguments:
        most: bytes that such a file can have.

    Raises:
        UserError: if it is missing, something else than a file, or too large.
    """
    try:
        status = path.stat()
    except OSError as error:
        if not os.path.lexists(path):
            raise UserError(f"{path} is not there.") from error
        what = f"cannot be followed to a file ({error.strerror})"
    else:
        if not stat.S_ISREG(status.st_mode):
            kind = "folder" if stat.S_ISDIR(status.st_mode) else "pipe or a device"
            what = f"is a {kind}, not a file"
        elif most is not None and status.st_size > most:
            what = f"has {status.st_size:,} bytes, which no such file has"
        else:
            return path
    raise UserError(f"{path} {what}: repair it or take it out.")
