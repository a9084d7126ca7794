"""Files that somebody else may have made: what is no regular file, or a huge one, is refused.

Imports nothing heavy: every program looks into the folders of a sweep with it.
"""

import csv
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from innerloop.errors import UserError, visible

LARGEST = 8 * 2**20  #: bytes of a JSON or CSV file


class BadFile(UserError):
    """A file that cannot be read, and why.

    Arguments:
        file: which one.
        fault: what is wrong with it.
    """

    def __init__(self, file: Path, fault: str) -> None:
        super().__init__(visible(f"{file} {fault}"))


def there(file: Path) -> bool:
    """Whether a folder has this name in it, be it a file or not."""
    return os.path.lexists(file)


def find(folder: Path, matches: Callable[[str], bool]) -> list[Path]:
    """What lies in a folder or below and has a matching name; links are not followed."""
    found: list[Path] = []
    left = [os.fspath(folder)]
    while left:
        try:
            entries = sorted(os.scandir(left.pop()), key=lambda entry: entry.name)
        except OSError:  # it is gone, no folder, or not for us to read
            continue
        found += [Path(entry.path) for entry in entries if matches(entry.name)]
        left += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return found


def read_bytes(file: Path, most: int, links: bool = True) -> bytes:
    """The content of a regular file.

    Arguments:
        most: bytes that it may have.
        links: whether it may be a symbolic link.

    Raises:
        BadFile: if it is missing, no regular file, or too large.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)
    try:
        found = os.stat(file, follow_symlinks=links)
        if not stat.S_ISREG(found.st_mode):
            raise BadFile(file, "is no regular file")
        if found.st_size > most:
            raise BadFile(file, f"is larger than {most // 2**20} MiB")
        with open(os.open(file, flags), "rb") as opened:
            return opened.read(most)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadFile(file, f"cannot be read: {reason}") from None


def read_text(file: Path, most: int = LARGEST) -> str:
    """The text of a file in UTF-8.

    Raises:
        BadFile: as `read_bytes`, and for other encodings.
    """
    try:
        return read_bytes(file, most).decode()
    except UnicodeDecodeError:
        raise BadFile(file, "is not UTF-8 text") from None


def read_rows(file: Path, most: int = LARGEST) -> list[dict[str, Any]]:
    """The rows of a CSV file by its headings.

    Raises:
        BadFile: as `read_text`, and for what is no CSV.
    """
    try:
        return list(csv.DictReader(io.StringIO(read_text(file, most), newline="")))
    except csv.Error as error:
        raise BadFile(file, f"is no CSV: {error}") from None
