"""The types of 1D-ARC (Xu et al. 2023), from their authors' files."""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from innerloop.data.packs.regular_file import regular_file
from innerloop.data.programs.source import Pair
from innerloop.errors import UserError, one_line

FOLDER = "programs/1D-ARC"  #: of the publisher: TYPE/NAME.json
ARCHIVE = "programs/arc_1d.json.xz"
MOST = 2**26  #: bytes of a file
TYPES = 18


def load(folder: Path) -> dict[str, list[Pair]]:
    """The examples of each type, those of all its puzzles together.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if the files are missing or damaged.
    """
    place, archive = folder / FOLDER, folder / ARCHIVE
    if not place.is_dir() and not archive.exists():
        raise UserError(
            f"{place} is not there: put the folder dataset of "
            "https://github.com/khalil-research/1D-ARC there."
        )
    source = place if place.is_dir() else archive
    try:
        types: dict[str, list[Pair]] = {}
        for name, puzzle in _of_folder(place) if place.is_dir() else _of_archive(archive):
            types.setdefault(name, []).extend(_pairs(puzzle))
        if len(types) != TYPES:
            raise ValueError(f"it has {len(types)} types and not {TYPES}")
        return dict(sorted(types.items()))
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(f"{source} is not 1D-ARC ({one_line(error, 120)}): replace it.") from error


def _of_folder(place: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(place.glob("*/*.json")):
        yield file.parent.name, json.loads(regular_file(file, MOST).read_text())


def _of_archive(file: Path) -> Iterator[tuple[str, Any]]:
    content = json.loads(lzma.decompress(regular_file(file, MOST).read_bytes()))
    for name, puzzle in sorted(content.items()):
        yield PurePosixPath(name).parent.name, puzzle


def _pairs(puzzle: Any) -> list[Pair]:
    """The examples of a puzzle, each one row of colours from 0 to 9."""
    pairs = [
        Pair(*[list(example[key][0]) for key in ("input", "output")])
        for part in ("train", "test")
        for example in puzzle[part]
    ]
    if not all(type(v) is int and 0 <= v < 10 for pair in pairs for v in (*pair.x, *pair.y)):
        raise ValueError("a colour is no number from 0 to 9")
    return pairs
