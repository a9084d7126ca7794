"""Reads tables of text that may be compressed, and refuses what is damaged."""

import gzip
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError, one_line

MOST = 2**27  #: bytes of a file, and of what it unpacks to


def find(folders: Sequence[Path], names: Sequence[str], what: str, address: str) -> Path:
    """The first file of these names that is in one of the folders.

    Raises:
        UserError: if there is none, with the address and the place for it.
    """
    paths = [folder / name for folder in folders for name in names]
    for path in paths:
        if path.exists() or path.is_symlink():
            return path
    raise UserError(
        f"{what} is not there: {paths[0]} is missing. Get it from {address} and put it there, or "
        "point paths.data=FOLDER to where it is."
    )


def content(path: Path) -> bytes:
    """What a file holds; one that ends in `.gz` or `.xz` is unpacked.

    Raises:
        UserError: if it is no regular file, is damaged, or unpacks to too much.
    """
    regular_file(path, MOST)
    try:
        with _opened(path) as stream:
            data = stream.read(MOST + 1)
    except Exception as error:  # an altered archive can raise nearly anything
        raise damaged(path, one_line(error)) from error
    if len(data) > MOST:
        raise damaged(path, f"it unpacks to more than {MOST:,} bytes")
    return data


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb")


def rows(path: Path, separator: str, columns: int, count: int) -> list[list[str]]:
    """The lines of a table in Latin-1, each divided into its columns.

    Raises:
        UserError: unless there are `count` lines of `columns` columns.
    """
    lines = content(path).decode("latin1").splitlines()
    table = [line.split(separator) for line in lines]
    if len(table) != count or any(len(row) != columns for row in table):
        raise damaged(path, f"{count:,} lines of {columns} columns were expected")
    return table


def integers(path: Path, separator: str, columns: int, count: int) -> np.ndarray:
    """The first columns of a table of integers, `(count, columns)`; a line of names may be first.

    Raises:
        UserError: unless there are `count` lines of at least `columns` integers.
    """
    data = content(path).replace(separator.encode(), b" ")
    if not data[:1].isdigit():
        data = data.partition(b"\n")[2]
    try:
        numbers = np.array(data.split(), dtype=np.int64)
        table = numbers.reshape(count, -1)[:, :columns]
    except (ValueError, OverflowError) as error:
        raise damaged(path, f"{count:,} lines of integers were expected") from error
    if table.shape[1] != columns:
        raise damaged(path, f"{columns} columns were expected")
    return table


@contextmanager
def blamed_on(path: Path) -> Iterator[None]:
    """While open, what cannot be understood is the fault of a file."""
    try:
        yield
    except (LookupError, ValueError, TypeError, OverflowError) as error:
        raise damaged(path, one_line(error)) from error


def damaged(path: Path, reason: str) -> UserError:
    """The error for a file that cannot be used."""
    return UserError(f"{path} is damaged or another file ({reason}): replace it and run again.")
