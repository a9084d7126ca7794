"""The transformation tasks of PROSE (Microsoft), from their authors' files."""

import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from innerloop.data.packs.regular_file import regular_file
from innerloop.data.programs.source import Pair
from innerloop.errors import UserError, one_line

FOLDER = "programs/Transformation.Text"  #: of the publisher; a folder with spec.json for each task
ARCHIVE = "programs/prose_transformation_text.json.xz"
MOST = 2**26  #: bytes of a file
TASKS = 354


def load(folder: Path) -> list[list[Pair]]:
    """The examples of each task. Several inputs are one text with a tab between two of them, and a
    missing output is an empty text. Of examples with the same input, the first is kept, in
    tasks that have several inputs.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if the files are missing or damaged.
    """
    place, archive = folder / FOLDER, folder / ARCHIVE
    if not place.is_dir() and not archive.exists():
        raise UserError(
            f"{place} is not there: put the folder Transformation.Text of "
            "https://github.com/microsoft/prose-benchmarks there."
        )
    source = place if place.is_dir() else archive
    try:
        return _read(_of_folder(place) if place.is_dir() else _of_archive(archive))
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"{source} is not PROSE's text transformation ({one_line(error, 120)}): replace it."
        ) from error


def _of_folder(place: Path) -> Mapping[str, str]:
    files = sorted(place.glob("*/spec.json"))
    return {str(file): regular_file(file, MOST).read_text(encoding="utf-8") for file in files}


def _of_archive(file: Path) -> Mapping[str, str]:
    content: Mapping[str, str] = json.loads(lzma.decompress(regular_file(file, MOST).read_bytes()))
    return {name: text for name, text in sorted(content.items()) if name.endswith("spec.json")}


def _read(texts: Mapping[str, str]) -> list[list[Pair]]:
    tasks: list[Any] = [json.loads(text)["Examples"] for text in texts.values()]
    if len(tasks) != TASKS or any(len(task) < 2 for task in tasks):
        raise ValueError(f"it does not have {TASKS} tasks of at least two examples")
    return [_different(task) for task in tasks]


def _different(task: list[Any]) -> list[Pair]:
    """The examples of a task, of which no two have the same input, if it has several inputs."""
    pairs = [Pair("\t".join(map(str, e["Input"])), e["Output"] or "") for e in task]
    different = list({pair.x: pair for pair in reversed(pairs)}.values())[::-1]
    return different if len(different) > 1 else pairs
