"""Tasks of programs as their authors publish them: JSON files, or an archive of them."""

import json
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError, one_line

MOST = 2**26  #: bytes of a file
Tasks = TypeVar("Tasks")


class Published(NamedTuple):
    """Where the files of a collection of tasks are.

    Arguments:
        title: of the collection.
        source: what the user puts into `place`, and from where.
        place: of the file or the folder, below the folder of all data sets.
        archive: of the same files in one, by their names.
        pattern: of the names of the files that count.
    """

    title: str
    source: str
    place: str
    archive: str
    pattern: str


def load(published: Published, folder: Path, read: Callable[[Mapping[str, Any]], Tasks]) -> Tasks:
    """What `read` makes of the contents of the files, by name in order.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if the files are missing or damaged.
    """
    place, archive = folder / published.place, folder / published.archive
    if not place.exists() and not archive.exists():
        raise UserError(f"{place} is not there: put {published.source} there.")
    source = place if place.exists() else archive
    try:
        contents = _of_archive(source) if source == archive else _of_files(source)
        wanted = {k: v for k, v in contents.items() if PurePosixPath(k).match(published.pattern)}
        return read(dict(sorted(wanted.items())))
    except Exception as error:  # a damaged file can raise nearly anything
        why = one_line(error, 120)
        raise UserError(f"{source} is not {published.title} ({why}): replace it.") from error


def _of_files(place: Path) -> dict[str, Any]:
    if not place.is_dir():
        return {place.name: _parsed(regular_file(place, MOST).read_text(encoding="utf-8"))}
    return {
        file.relative_to(place).as_posix(): _parsed(regular_file(file, MOST).read_text("utf-8"))
        for file in place.glob("*/*.json")
    }


def _of_archive(file: Path) -> dict[str, Any]:
    contents = json.loads(lzma.decompress(regular_file(file, MOST).read_bytes()))
    return {name: _parsed(content) for name, content in contents.items()}


def _parsed(content: Any) -> Any:
    """What a file says; an archive may hold it as text."""
    return json.loads(content) if isinstance(content, str) else content
