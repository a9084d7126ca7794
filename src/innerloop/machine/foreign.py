"""Reads files that are not trusted: anything but a regular file of bounded size is refused.

Imports nothing heavy: every program looks into the folders of a sweep with it.
"""

import csv
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from innerloop.errors import UserError, visible

LARGEST = 8 * 2**20  #: bytes of a JSON or CSV file


class BadFile(UserError):
    """A file that cannot be read, and why.

    Arguments:
        file: the file.
        fault: what is wrong with it.
    """

    def __init__(self, file: Path, fault: str) -> None:
        super().__init__(visible(f"{file} {fault}"))


def there(file: Path) -> bool:
    """Whether this name exists, for a file or for anything else, a broken link included."""
    return os.path.lexists(file)


def find(folder: Path, matches: Callable[[str], bool]) -> list[Path]:
    """Everything in a folder and below it with a matching name; links are not followed."""
    paths: list[Path] = []
    folders = [os.fspath(folder)]
    while folders:
        try:
            entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
        except OSError:  # it has gone, is not a folder, or may not be read
            continue
        paths += [Path(entry.path) for entry in entries if matches(entry.name)]
        folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return paths


@contextmanager
def opened(file: Path, most: int, links: bool = True) -> Iterator[BinaryIO]:
    """A regular file, open to read.

    Arguments:
        file: the file.
        most: bytes that it may have.
        links: whether it may be a symbolic link.

    Raises:
        BadFile: if it is missing, not a regular file, too large, or fails while it is read.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)
    try:
        status = os.stat(file, follow_symlinks=links)
        if not stat.S_ISREG(status.st_mode):
            raise BadFile(file, "is not a regular file")
        if status.st_size > most:
            raise BadFile(file, f"is larger than {most // 2**20} MiB")
        with open(os.open(file, flags), "rb") as stream:
            yield stream
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadFile(file, f"cannot be read: {reason}") from None


def read_bytes(file: Path, most: int, links: bool = True) -> bytes:
    """The content of a regular file; arguments and errors as of `opened`."""
    with opened(file, most, links) as stream:
        return stream.read(most)


def read_text(file: Path, most: int = LARGEST) -> str:
    """The text of a file in UTF-8.

    Raises:
        BadFile: as `read_bytes`, and if the encoding is not UTF-8.
    """
    try:
        return read_bytes(file, most).decode()
    except UnicodeDecodeError:
        raise BadFile(file, "is not UTF-8 text") from None


def read_rows(file: Path, most: int = LARGEST) -> list[dict[str, str]]:
    """The rows of a CSV file, each a mapping from its headings.

    The `csv` module puts None where a row has too few cells, and under None what is too much.

    Raises:
        BadFile: as `read_text`, and if the file is not CSV.
    """
    try:
        return list(csv.DictReader(io.StringIO(read_text(file, most), newline="")))
    except csv.Error as error:
        raise BadFile(file, f"is not CSV: {error}") from None
