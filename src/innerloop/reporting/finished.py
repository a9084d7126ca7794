"""Finished runs: read from their folders, or found by what their results say."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.errors import UserError, visible
from innerloop.evaluation import schema
from innerloop.evaluation.parts import Entry
from innerloop.evaluation.schema import RESULTS, TESTED_ON, Results
from innerloop.machine.arrays import read_array
from innerloop.machine.foreign import BadFile, find, there
from innerloop.machine.mappings import read_json, read_yaml
from innerloop.objectives import Metric
from innerloop.reporting.terminal import leave_out
from innerloop.startup.keys import flat
from innerloop.startup.older import current

CONFIGURATION, SCORES = "config.yaml", "scores.npz"
BETWEEN = r",(?![^\[]*\])"  #: a comma between values, not one within a list such as [5,20]
EARLIER = {"training.kind": "episodes"}  #: what is true of runs that do not say it


@dataclass(frozen=True)
class Finished:
    """A run that was tested.

    Arguments:
        folder: the run's.
        results: what its `results.json` says.
        values: the same by dotted key, with what no table reads.
        configuration: the resolved configuration by dotted key; of a checkpoint tested again there
            is none.
    """

    folder: Path
    results: Results
    values: dict[str, Any]
    configuration: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name; of a test on another data set that of the run, and the data set."""
        folder = self.folder.resolve()
        if folder.parent.name == TESTED_ON:
            return f"{folder.parents[1].name} on {folder.name}"
        return folder.name

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        return self.results.metric

    @property
    def headline(self) -> Entry:
        """The headline's mean and intervals."""
        return self.results.headline

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key in the results, or else in the configuration."""
        if key in self.values:
            return self.values[key]
        return self.configuration.get(key, default)

    @cached_property
    def classes(self) -> np.ndarray | None:
        """Numbers of the classes of every test task, `(tasks, ways)`; None if they were not kept.

        Raises:
            UserError: if the run kept no scores.
        """
        found = self._array("classes")
        if found is None:
            return None
        numbers = found.ndim == 2 and found.dtype.kind in "iu" and found.size > 0
        if not numbers or len(found) != self.results.protocol.tasks:
            raise BadFile(self.folder / SCORES, "has no row of classes for each task")
        return found

    @cached_property
    def scores(self) -> np.ndarray:
        """The headline metric of every test task at the scored step, `(tasks,)`.

        Raises:
            UserError: if the run kept no scores, or not those that its results speak of.
        """
        name, protocol = self.metric.name, self.results.protocol
        values = self._array(name)
        step = protocol.scored_step or 0
        if values is None or values.ndim != 2 or values.dtype.kind != "f":
            raise BadFile(self.folder / SCORES, f"does not hold {name} of tasks by steps")
        if len(values) != protocol.tasks or step >= values.shape[1]:
            raise BadFile(
                self.folder / SCORES,
                f"has {name} of {values.shape[0]} tasks and {values.shape[1] - 1} steps; "
                f"{RESULTS} says {protocol.tasks} tasks, scored after {step}",
            )
        return values[:, step].astype(np.float64)

    def _array(self, name: str) -> np.ndarray | None:
        file = self.folder / SCORES
        try:
            return read_array(file, name)
        except BadFile as error:
            raise UserError(
                f"{error}. Without the scores of its test tasks this run cannot be compared: test "
                f"it again with python src/evaluate.py ckpt_path={visible(self.folder)}"
            ) from None


def read(folder: Path) -> Finished:
    """The run in a folder.

    Raises:
        UserError: if no run has finished there, or if its files cannot be read.
    """
    file = folder / RESULTS
    if not there(file):
        raise UserError(
            f"{visible(folder)} holds no results of a finished run ({RESULTS}); python src/runs.py "
            "lists those there are."
        )
    content = read_json(file)
    results = schema.read(content, file)
    values = EARLIER | flat(content) | {"trained_on": results.training_set}
    return Finished(folder, results, values, configuration_of(folder))


def tests_of(folder: Path) -> list[Finished]:
    """A run's test on its own data set, then those on others; see `below` for what is damaged.

    Raises:
        UserError: if the first of them cannot be read.
    """
    return [read(folder), *below(folder / TESTED_ON)]


def configuration_of(folder: Path, name: str = CONFIGURATION) -> dict[str, Any]:
    """A configuration that a run's folder holds, by dotted key; empty where there is none."""
    file = folder / name
    return EARLIER | flat(current(read_yaml(file))) if there(file) else {}


def below(outputs: Path) -> list[Finished]:
    """All finished runs under a folder, oldest first; a line says which cannot be read, and why."""
    found = []
    for file in sorted(find(outputs, RESULTS.__eq__), key=_age):
        try:
            found.append(read(file.parent))
        except UserError as error:
            leave_out(error)
    return found


def _age(file: Path) -> tuple[float, str]:
    return file.lstat().st_mtime, str(file)


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
        left = [run for run in left if _meets(run.get(key, ...), re.split(BETWEEN, wanted))]
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
