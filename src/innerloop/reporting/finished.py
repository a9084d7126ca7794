"""Finished runs: read from their folders, or found by what their results say."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from innerloop.errors import UserError


@dataclass(frozen=True)
class Finished:
    """A run that was tested: its folder and what its `results.json` says."""

    folder: Path
    results: dict[str, Any]

    @property
    def metric(self) -> str:
        """The headline metric."""
        return next(iter(self.results["test"]))

    @property
    def headline(self) -> dict[str, Any]:
        """The headline's mean and intervals."""
        entry: dict[str, Any] = self.results["test"][self.metric]
        return entry

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key in the results, or else in the configuration."""
        if key in self.values:
            return self.values[key]
        return self.configuration.get(key, default)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The results by dotted key."""
        return flat(self.results)

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The resolved configuration by dotted key; of a checkpoint tested again there is none."""
        file = self.folder / "config.yaml"
        return flat(yaml.safe_load(file.read_text())) if file.exists() else {}

    def array(self, name: str) -> np.ndarray | None:
        """An array of `scores.npz`, or None.

        Raises:
            UserError: if the run kept no scores.
        """
        try:
            with np.load(self.folder / "scores.npz") as arrays:
                return arrays[name] if name in arrays.files else None
        except (OSError, ValueError):
            raise UserError(
                f"{self.folder} has no scores of its test tasks (scores.npz): test it again with "
                f"python src/evaluate.py ckpt_path={self.folder}"
            ) from None

    def scores(self) -> np.ndarray:
        """The headline metric of every test task at the scored step, `(tasks,)`."""
        values = self.array(self.metric)
        if values is None:
            raise UserError(f"{self.folder}/scores.npz does not hold {self.metric}.")
        return values[:, self.results["protocol"]["scored_step"] or 0].astype(np.float64)


def flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        inner = isinstance(value, dict) and value
        found |= flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return found


def read(folder: Path) -> Finished:
    """The run in a folder.

    Raises:
        UserError: if no run has finished there.
    """
    try:
        results = json.loads((folder / "results.json").read_text())
        if "protocol" in results and "test" in results:
            return Finished(folder, results)
    except (OSError, ValueError, TypeError):
        pass
    raise UserError(
        f"{folder} holds no results of a finished run (results.json); python src/runs.py lists "
        "those there are."
    )


def below(outputs: Path) -> list[Finished]:
    """All finished runs under a folder, oldest first."""
    found = []
    for file in sorted(outputs.rglob("results.json"), key=lambda f: (f.stat().st_mtime, str(f))):
        try:
            found.append(read(file.parent))
        except UserError:  # somebody else's results.json
            continue
    return found


def select(runs: Iterable[Finished], selector: Sequence[str]) -> list[Finished]:
    """The runs that meet every `KEY=VALUE`; `KEY=A,B` is met by either value.

    Raises:
        UserError: for words that are no condition, and keys that no run has.
    """
    runs = list(runs)
    left = runs
    for word in selector:
        key, equals, wanted = word.partition("=")
        if not equals or not key:
            raise UserError(
                f"{word!r} is neither a run's folder nor a condition such as algorithm=maml."
            )
        if runs and all(run.get(key, ...) is ... for run in runs):
            raise UserError(_unknown(key, runs))
        left = [run for run in left if _meets(run.get(key, ...), wanted.split(","))]
    return left


def _unknown(key: str, runs: list[Finished]) -> str:
    known = list({k: None for run in runs for k in (*run.values, *run.configuration)})
    near = get_close_matches(key, known) + [k for k in known if k.endswith(f".{key}")]
    hint = f"; perhaps {' or '.join(dict.fromkeys(near))}" if near else ""
    return f"No run has the key {key!r} in its results.json or config.yaml{hint}."


def _meets(value: Any, wanted: list[str]) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(_number(text) == value for text in wanted)
    if value is ...:
        return False
    return (value if isinstance(value, str) else json.dumps(value)) in wanted


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
