"""Reads JSON and YAML that are not trusted: plain values only, limited in number and depth.

Imports nothing heavy: every program looks into the folders of a sweep with it.
"""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from innerloop.errors import visible
from innerloop.machine.foreign import BadFile, read_text

PlainDict = dict[str, Any]  #: None, booleans, numbers, strings, and lists and dicts of them
LARGEST_YAML = 2**20  #: bytes; a configuration has a few thousand, and the parser is slow
VALUES, DEPTH = 50_000, 40  #: most values of a file, references written out, and most levels
BITS = 1024  #: of an integer; Python cannot print integers of many thousand digits
SCALARS = (str, int, float, bool, type(None))


def read_json(file: Path) -> PlainDict:
    """The object in a JSON file.

    Raises:
        BadFile: as `read_text`, and if the file is not a JSON object, is too deep, or has too many
            values.
    """
    try:
        return _checked(file, json.loads(read_text(file)))
    except RecursionError:
        raise BadFile(file, f"has more than {DEPTH} levels") from None
    except ValueError as error:
        raise BadFile(file, f"is not JSON: {visible(error, 200)}") from None


def read_yaml(file: Path) -> PlainDict:
    """The mapping in a YAML file, of plain values only.

    Raises:
        BadFile: as `read_text`, and if the file is not a mapping, is too deep, has too many
            values, or refers to itself.
    """
    text = read_text(file, LARGEST_YAML)
    try:
        _check_events(file, yaml.parse(text, Loader=_PlainLoader))
        return _checked(file, yaml.load(text, Loader=_PlainLoader))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = visible(" ".join(str(error).split()), 200)
        raise BadFile(file, f"is not plain YAML: {reason}") from None


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Without merge keys (`<<`), with which a few lines can take hours."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        pass


def _check_events(file: Path, events: Iterable[yaml.Event]) -> None:
    """Checks depth and size before values are built: LibYAML's recursion can end the process."""
    depth = 0
    for number, event in enumerate(events):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise BadFile(file, f"has more than {DEPTH} levels")
        if number > 2 * VALUES:
            raise BadFile(file, f"has more than {VALUES} values")


def _checked(file: Path, content: object) -> PlainDict:
    """The content of a file, if it is a mapping that keeps to the limits."""
    if not isinstance(content, dict):
        raise BadFile(file, f"holds {'nothing' if content is None else 'no mapping of names'}")
    level: list[object] = [content]
    count = 0
    for _ in range(DEPTH + 1):
        if not level:
            return content
        level = list(islice(_next_level(file, level), VALUES + 1))
        count += len(level)
        if count > VALUES:
            raise BadFile(file, f"has more than {VALUES} values, references written out")
    raise BadFile(file, f"has more than {DEPTH} levels, or refers to itself")


def _next_level(file: Path, level: Iterable[object]) -> Iterable[object]:
    """The values inside the values of one level."""
    for value in level:
        if isinstance(value, dict):
            _check_scalars(file, value)
            yield from value.values()
        elif isinstance(value, list):
            yield from value
        else:
            _check_scalars(file, [value])


def _check_scalars(file: Path, values: Iterable[object]) -> None:
    for value in values:
        if not isinstance(value, SCALARS):
            raise BadFile(file, f"holds a {type(value).__name__}, which no configuration has")
        if isinstance(value, int) and value.bit_length() > BITS:
            raise BadFile(file, "holds a number of hundreds of digits")
