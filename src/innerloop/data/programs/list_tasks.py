"""The list tasks of DreamCoder (Ellis et al. 2021), from their authors' file."""

import json
import lzma
from pathlib import Path
from typing import Any

from innerloop.data.packs.regular_file import regular_file
from innerloop.data.programs.source import Pair
from innerloop.errors import UserError, one_line

FILES = ("programs/list_tasks.json", "programs/dreamcoder_list_tasks.json.xz")
MOST = 2**26  #: bytes of a file
TESTS, EXAMPLES = 217, 15


def load(folder: Path) -> list[list[Pair]]:
    """The examples of each task.

    Arguments:
        folder: of all data sets.

    Raises:
        UserError: if the file is missing or damaged.
    """
    files = [folder / name for name in FILES]
    file = next((file for file in files if file.exists()), None)
    if file is None:
        raise UserError(
            f"{files[0]} is not there: put the file data/list_tasks.json of "
            "https://github.com/ellisk42/ec there."
        )
    regular_file(file, MOST)
    try:
        return _read(file)
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"{file} is not DreamCoder's list tasks ({one_line(error, 120)}): replace it."
        ) from error


def _read(file: Path) -> list[list[Pair]]:
    """The tasks of a file, which may be compressed, as a part of an archive."""
    content = file.read_bytes()
    data: Any = json.loads(lzma.decompress(content) if file.suffix == ".xz" else content)
    data = data["list_tasks.json"] if isinstance(data, dict) else data
    tasks = [[Pair(_list(e["i"]), _list(e["o"])) for e in task["examples"]] for task in data]
    if len(tasks) != TESTS or any(len(task) != EXAMPLES for task in tasks):
        raise ValueError(f"it does not have {TESTS} tasks of {EXAMPLES} examples")
    return tasks


def _list(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, int) for v in values):
        raise ValueError("a value is no integer")
    return [int(v) for v in values]
