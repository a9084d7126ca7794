"""Numbers of which a run has one each: they belong in tables, not in charts of a single point."""

from collections.abc import Mapping
from typing import Any

TESTED = ("test/", "inside/test/")  #: names of the numbers of a test begin so
COLUMNS = ["metric", "mean", "ci95", "tasks"]


def is_single(name: str) -> bool:
    """Whether a run logs a number once, at the end."""
    return name.startswith(TESTED)


def steps_done(metrics: Mapping[str, object], step: int | None) -> int | None:
    """The outer steps that are done when Lightning logs metrics of its `step`, counted from 0.

    Lightning counts an outer step after its training and validation are logged; the numbers of a
    test come after all of them.
    """
    tested = all(is_single(name) for name in metrics if name != "epoch")
    return step if step is None or tested else step + 1


def by_step(test: Mapping[str, Any], beginning: str) -> dict[int, Any]:
    """The entries of a test with this beginning, by the number that follows it.

    Arguments:
        test: the entry `test` of `results.json`.
        beginning: such as `accuracy/step_`.
    """
    names = [name for name in test if name.startswith(beginning)]
    return {int(name.removeprefix(beginning)): test[name] for name in names}


def headline(results: Mapping[str, Any]) -> dict[str, float]:
    """The metric by which a run is judged: of the test, its interval, and the best in validation.

    Arguments:
        results: the content of `results.json`.
    """
    name = results["metric"]["name"]
    tested = results["test"][name]
    values = {
        f"test/{name}": tested["mean"],
        f"test/{name}_ci95": tested["ci95"],
        f"val/{name}_best": results["checkpoint"]["validation"].get(name),
    }
    return {key: value for key, value in values.items() if value is not None}


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
