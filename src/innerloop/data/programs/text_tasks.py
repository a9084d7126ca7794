"""The transformation tasks of PROSE (Microsoft), from their authors' files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from innerloop.data.programs import published_files
from innerloop.data.programs.published_files import Published
from innerloop.data.programs.source import Pair

FILES = Published(
    title="PROSE's text transformation",
    source="the folder Transformation.Text of https://github.com/microsoft/prose-benchmarks",
    place="programs/Transformation.Text",  # with a folder for each task
    archive="programs/prose_transformation_text.json.xz",
    pattern="spec.json",
)
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
    return published_files.load(FILES, folder, _read)


def _read(contents: Mapping[str, Any]) -> list[list[Pair]]:
    tasks: list[Any] = [content["Examples"] for content in contents.values()]
    if len(tasks) != TASKS or any(len(task) < 2 for task in tasks):
        raise ValueError(f"it does not have {TASKS} tasks of at least two examples")
    return [_different(task) for task in tasks]


def _different(task: list[Any]) -> list[Pair]:
    """The examples of a task, of which no two have the same input, if it has several inputs."""
    pairs = [Pair("\t".join(map(str, e["Input"])), e["Output"] or "") for e in task]
    different = list({pair.x: pair for pair in reversed(pairs)}.values())[::-1]
    return different if len(different) > 1 else pairs
