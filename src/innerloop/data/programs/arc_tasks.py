"""The types of 1D-ARC (Xu et al. 2023), from their authors' files."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from innerloop.data.programs import published_files
from innerloop.data.programs.published_files import Published
from innerloop.data.programs.source import Pair

FILES = Published(
    title="1D-ARC",
    source="the folder dataset of https://github.com/khalil-research/1D-ARC",
    place="programs/1D-ARC",
    archive="programs/arc_1d.json.xz",
    pattern="*/*.json",
)
TYPES = 18


def load(folder: Path) -> dict[str, list[Pair]]:
    """The examples of each type, those of all its puzzles together.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if the files are missing or damaged.
    """
    return published_files.load(FILES, folder, _read)


def _read(puzzles: Mapping[str, Any]) -> dict[str, list[Pair]]:
    types: dict[str, list[Pair]] = {}
    for name, puzzle in puzzles.items():
        types.setdefault(PurePosixPath(name).parent.name, []).extend(_pairs(puzzle))
    if len(types) != TYPES:
        raise ValueError(f"it has {len(types)} types and not {TYPES}")
    return dict(sorted(types.items()))


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
