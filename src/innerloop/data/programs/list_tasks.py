"""The list tasks of DreamCoder (Ellis et al. 2021), from their authors' file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from innerloop.data.programs import published_files
from innerloop.data.programs.published_files import Published
from innerloop.data.programs.source import Pair

FILES = Published(
    title="DreamCoder's list tasks",
    source="the file data/list_tasks.json of https://github.com/ellisk42/ec",
    place="programs/list_tasks.json",
    archive="programs/dreamcoder_list_tasks.json.xz",
    pattern="list_tasks.json",
)
TESTS, EXAMPLES = 217, 15


def load(folder: Path) -> list[list[Pair]]:
    """The examples of each task.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if the file is missing or damaged.
    """
    return published_files.load(FILES, folder, _read)


def _read(contents: Mapping[str, Any]) -> list[list[Pair]]:
    (data,) = contents.values()
    tasks = [[Pair(_list(e["i"]), _list(e["o"])) for e in task["examples"]] for task in data]
    if len(tasks) != TESTS or any(len(task) != EXAMPLES for task in tasks):
        raise ValueError(f"it does not have {TESTS} tasks of {EXAMPLES} examples")
    return tasks


def _list(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, int) for v in values):
        raise ValueError("a value is no integer")
    return [int(v) for v in values]
