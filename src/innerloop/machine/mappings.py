"""JSON and YAML that somebody else may have made: plain values, few and not deep, or refused.

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

LARGEST_YAML = 2**20  #: bytes; a configuration has a few thousand; its parser is slow
VALUES, DEPTH = 50_000, 40  #: most values of a file, references written out, and levels
BITS = 1024  #: of a whole number; Python cannot print those of many thousand digits
PLAIN = (str, int, float, bool, type(None))


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
