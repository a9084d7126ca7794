"""Files that somebody else put there: looked at before they are opened."""

import os
from pathlib import Path

from innerloop.errors import UserError


def ordinary(path: Path, most: int | None = None) -> Path:
    """The path, which is that of an ordinary file: opening a pipe or a device may never return.

    Arguments:
        most: bytes that such a file can have.

    Raises:
        UserError: if it is missing, something else than a file, or too large.
    """
    try:
        if path.is_file():
            size = path.stat().st_size
            if most is None or size <= most:
                return path
            what = f"has {size:,} bytes, which no such file has"
        elif path.is_symlink() and not path.exists():
            what = f"is a link to {os.readlink(path)}, which is not there"
        elif path.exists():
            what = f"is a {'folder' if path.is_dir() else 'pipe or a device'}, not a file"
        else:
            raise UserError(f"{path} is not there.")
    except OSError as error:
        what = f"cannot be looked at ({error.strerror})"
    raise UserError(f"{path} {what}: repair it or take it out.")
