"""Numbers of which a run has one each: they belong in tables, not in charts of a single point."""

from collections.abc import Mapping
from typing import Any

TESTED = ("test/", "inside/test/")  #: names of the numbers of a test begin so
COLUMNS = ["metric", "mean", "ci95", "tasks"]


def is_single(name: str) -> bool:
    """Whether a run logs a number once, at the end."""
    return name.startswith(TESTED)


def rows(results: Mapping[str, Any]) -> list[list[object]]:
    """The metrics of the test at the scored step, a row for each in the order of `COLUMNS`.

    Arguments:
        results: the content of `results.json`.
    """
    return [
        [name, *(entry.get(column) for column in COLUMNS[1:])]
        for name, entry in results["test"].items()
        if "/step_" not in name
    ]
