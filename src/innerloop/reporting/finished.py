"""Finished runs, read from their folders."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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
EARLIER: dict[str, object] = {  #: values of older runs by dotted key
    "training.kind": "episodes", "trainer.matmul": "ieee",
}  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """A run that was tested.

    Arguments:
        folder: the folder of the run.
        results: the content of its `results.json`.
        values: the whole of `results.json` by dotted key, also what no table reads.
        configuration: the resolved configuration by dotted key; empty for a checkpoint that was
            tested again.
    """

    folder: Path
    results: Results
    values: dict[str, object]
    configuration: dict[str, object]

    @property
    def name(self) -> str:
        """The folder's name; for a test on another data set: `RUN on DATASET`."""
        folder = self.folder.resolve()
        if folder.parent.name == TESTED_ON:
            return f"{folder.parents[1].name} on {folder.name}"
        return folder.name

    @property
    def is_run(self) -> bool:
        """Whether it has a checkpoint that can be tested again."""
        return True

    @property
    def scores_file(self) -> Path:
        """The archive with the scores of every test task."""
        return self.folder / SCORES

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        return self.results.metric

    @property
    def headline(self) -> Entry:
        """The headline's mean and intervals."""
        return self.results.headline

    def get(self, key: str, default: object = None) -> object:
        """The value of a dotted key in the results or, if it is not there, in the configuration."""
        if key in self.values:
            return self.values[key]
        return self.configuration.get(key, default)

    @cached_property
    def classes(self) -> np.ndarray | None:
        """Numbers of the classes of every test task, `(tasks, ways)`; None if they are not stored.

        Raises:
            UserError: if the run has no scores.
        """
        classes = self._array("classes")
        if classes is None:
            return None
        numbers = classes.ndim == 2 and classes.dtype.kind in "iu" and classes.size > 0
        if not numbers or len(classes) != self.results.protocol.tasks:
            raise BadFile(self.scores_file, "has no row of classes for each task")
        return classes

    @cached_property
    def scores(self) -> np.ndarray:
        """The headline metric of every test task at the scored step, `(tasks,)`.

        Raises:
            UserError: if the run has no scores, or others than its results say.
        """
        name, protocol = self.metric.name, self.results.protocol
        values = self._array(name)
        step = protocol.scored_step or 0
        if values is None or values.ndim not in (1, 2) or values.dtype.kind != "f":
            raise BadFile(self.scores_file, f"does not hold {name} of each task")
        if values.ndim == 2:  # of a run from before the curve was apart
            values = values[:, min(step, values.shape[1] - 1)]
        if len(values) != protocol.tasks:
            raise BadFile(
                self.scores_file,
                f"has {name} of {len(values)} tasks; {RESULTS} says {protocol.tasks} tasks",
            )
        return values.astype(np.float64)

    def _array(self, name: str) -> np.ndarray | None:
        try:
            return read_array(self.scores_file, name)
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
            "lists the finished runs."
        )
    content = read_json(file)
    results = schema.read(content, file)
    values = EARLIER | flat(content) | {"trained_on": results.training_set}
    return Finished(folder, results, values, configuration_of(folder))


def tests_of(folder: Path) -> list[Finished]:
    """A run's test on its own data set, then those on others; damaged ones as in `below`.

    Raises:
        UserError: if the first test cannot be read.
    """
    return [read(folder), *below(folder / TESTED_ON)]


def configuration_of(folder: Path, name: str = CONFIGURATION) -> dict[str, object]:
    """A configuration in a run's folder by dotted key; empty if there is none."""
    file = folder / name
    return EARLIER | flat(current(read_yaml(file))) if there(file) else {}


def below(outputs: Path) -> list[Finished]:
    """All finished runs under a folder, oldest first; prints a line for each damaged run."""
    runs = []
    for file in sorted(find(outputs, RESULTS.__eq__), key=_age):
        try:
            runs.append(read(file.parent))
        except UserError as error:
            leave_out(error)
    return runs


def _age(file: Path) -> tuple[float, str]:
    return file.lstat().st_mtime, str(file)
