"""Selects finished runs by conditions on their results and configurations."""

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from innerloop.errors import UserError
from innerloop.reporting.finished import Finished

BETWEEN = r",(?![^\[]*\])"  #: a comma between values, but not inside a list such as [5,20]


def select(runs: Iterable[Finished], selector: Sequence[str]) -> list[Finished]:
    """The runs that meet every condition: `KEY=VALUE`, or `KEY=A,B` for either value.

    Raises:
        UserError: for words that are not a condition, and keys that no run has.
    """
    runs = list(runs)
    selected = runs
    for word in selector:
        key, equals, wanted = word.partition("=")
        if not equals or not key:
            raise UserError(
                f"{word!r} is neither a run's folder nor a condition such as algorithm=maml."
            )
        if runs and all(run.get(key, ...) is ... for run in runs):
            raise UserError(_unknown(key, runs))
        values = re.split(BETWEEN, wanted)
        selected = [run for run in selected if _meets(run.get(key, ...), values)]
    return selected


def _unknown(key: str, runs: list[Finished]) -> str:
    """The message for a key that no run has, with similar keys."""
    known = list({k: None for run in runs for k in (*run.values, *run.configuration)})
    near = get_close_matches(key, known) + [k for k in known if k.endswith(f".{key}")]
    hint = f"; perhaps {' or '.join(dict.fromkeys(near))}" if near else ""
    return f"No run has the key {key!r} in its results.json or config.yaml{hint}."


def _meets(value: object, wanted: list[str]) -> bool:
    """Whether a value, `...` if it is missing, equals one of the texts."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(_number(text) == value for text in wanted)
    if value is ...:
        return False
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":")) in [
            text.replace(" ", "") for text in wanted
        ]
    return (value if isinstance(value, str) else json.dumps(value)) in wanted


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
