"""Files that somebody else may have made: what is no plain, small, shallow file is refused.

Imports nothing heavy: every program looks into the folders of a sweep with it.
"""

import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from innerloop.errors import UserError, visible

LARGEST = 8 * 2**20  #: bytes of a JSON or CSV file
LARGEST_YAML = 2**20  #: a configuration has a few thousand; its parser is slow
VALUES, DEPTH = 50_000, 40  #: most values of a file, references written out, and levels
BITS = 1024  #: of a whole number; Python cannot print those of many thousand digits
PLAIN = (str, int, float, bool, type(None))


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


def read_json(file: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        BadFile: as `read_text`, and for what is no JSON object, too deep, or too long.
    """
    try:
        return _mapping(file, json.loads(read_text(file)))
    except RecursionError:
        raise BadFile(file, f"has more than {DEPTH} levels deep") from None
    except ValueError as error:
        raise BadFile(file, f"is no JSON: {visible(error, 200)}") from None


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds, of plain values only.

    Raises:
        BadFile: as `read_text`, and for what is no mapping, too deep, too long, or refers to
            itself.
    """
    text = read_text(file, LARGEST_YAML)
    try:
        _check_events(file, yaml.parse(text, Loader=_Plain))
        return _mapping(file, yaml.load(text, Loader=_Plain))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise BadFile(
            file, f"is no plain YAML: {visible(' '.join(str(error).split()), 200)}"
        ) from None


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file by its headings.

    Raises:
        BadFile: as `read_text`, and for what is no CSV.
    """
    try:
        return list(csv.DictReader(io.StringIO(read_text(file), newline="")))
    except csv.Error as error:
        raise BadFile(file, f"is no CSV: {error}") from None


class _Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Without merge keys (`<<`), which can make a few lines take hours."""

    def flatten_mapping(self, node: Any) -> None:
        pass


def _check_events(file: Path, events: Iterable[Any]) -> None:
    """Depth and length before anything is built: LibYAML's own recursion ends the process."""
    depth = 0
    for number, event in enumerate(events):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise BadFile(file, f"has more than {DEPTH} levels deep")
        if number > 2 * VALUES:
            raise BadFile(file, f"has more than {VALUES} values")


def _mapping(file: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadFile(file, f"holds {'nothing' if value is None else 'no mapping of names'}")
    level, seen = [value], 0
    for _ in range(DEPTH + 1):
        if not level:
            return value
        level = list(islice(_inner(file, level), VALUES + 1))
        seen += len(level)
        if seen > VALUES:
            raise BadFile(file, f"has more than {VALUES} values, references written out")
    raise BadFile(file, f"has more than {DEPTH} levels deep, or refers to itself")


def _inner(file: Path, level: Iterable[Any]) -> Iterable[Any]:
    """The next level's values."""
    for value in level:
        if isinstance(value, dict):
            _check_plain(file, value)
            yield from value.values()
        elif isinstance(value, list):
            yield from value
        else:
            _check_plain(file, [value])


def _check_plain(file: Path, values: Iterable[Any]) -> None:
    for value in values:
        if not isinstance(value, PLAIN):
            raise BadFile(file, f"holds a {type(value).__name__}, which no configuration has")
        if isinstance(value, int) and value.bit_length() > BITS:
            raise BadFile(file, "holds a number of hundreds of digits")
