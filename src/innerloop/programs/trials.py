"""The trials of a leaderboard: runs of one method, each trained for the same minutes."""

import math
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from innerloop.errors import UserError
from innerloop.evaluation.schema import RESULTS, Results
from innerloop.experiment.composed import searched
from innerloop.reporting import finished
from innerloop.reporting.learning_log import speed
from innerloop.startup import places
from innerloop.startup.run_folder import KEPT
from innerloop.sweeping.draws import draw

PROBE = 40  #: outer steps of the run that measures the speed
VALIDATIONS = 10  #: in a training
TIMED = 10  #: test tasks of which the time is taken, after one to warm up
UNTESTED = (  #: a trial's own test is as short as can be
    f"evaluation.tasks={1 + TIMED}", "evaluation.audit=0", "diagnostics.test_tasks=0",
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A training of a method with one setting; the first trial of a method has its defaults.

    Arguments:
        method: a search space in `conf/search`, which chooses the algorithm.
        number: from 0.
        settings: overrides that all methods share, such as `dataset=omniglot`.
        minutes: of training.
        folder: of the trial.
    """

    method: str
    number: int
    settings: tuple[str, ...]
    minutes: float
    folder: Path

    @property
    def drawn(self) -> list[str]:
        """The values of the search space, drawn at random from the number of the trial.

        A key that the settings give is not searched.
        """
        if self.number == 0:
            return []
        given = {word.partition("=")[0] for word in self.settings}
        words = draw(searched(self.method), np.random.default_rng(self._seed))
        return [word for word in words if word.partition("=")[0] not in given]

    @property
    def _seed(self) -> list[int]:
        return [zlib.crc32(self.method.encode()), self.number]

    @property
    def words(self) -> list[str]:
        """The overrides of its setting."""
        return [f"search={self.method}", "hydra.mode=RUN", *self.settings, *self.drawn]

    @property
    def results(self) -> Results | None:
        """Its results; None if it has not finished."""
        return finished.read(self.folder).results if _is_finished(self.folder) else None

    def run(self) -> bool:
        """Trains it, or resumes it; whether it has finished."""
        steps = None if _is_finished(self.folder) else self._steps()
        if steps is not None:
            every = max(1, steps // VALIDATIONS)
            length = [f"outer.steps={steps}", f"evaluation.validation.every={every}"]
            train(self.folder, [*self.words, *UNTESTED, *length])
        return _is_finished(self.folder)

    def _steps(self) -> int | None:
        """Outer steps that fill the minutes, at the speed of a short run of the same setting.

        None if the short run fails.
        """
        probe = self.folder.with_name(f"{self.folder.name}_speed")
        if not _is_finished(probe):
            short = [f"outer.steps={PROBE}", f"log_every={PROBE // 4}"]
            once = [f"evaluation.validation.every={PROBE}", "evaluation.validation.tasks=2"]
            train(probe, [*self.words, *UNTESTED, *short, *once])
        if not _is_finished(probe):
            return None
        tasks_per_second, tasks = speed(probe), finished.read(probe).results.outer.tasks
        if tasks_per_second is None or not tasks:
            raise UserError(f"{probe} has no speed in its log: leave logger= as it is.")
        return max(1, math.floor(60 * self.minutes * tasks_per_second / tasks))


def validation(results: Results) -> float:
    """The validation score that chose the checkpoint; the larger the better."""
    metric = results.metric
    score = results.checkpoint.validation.get(metric.name)
    if score is None:
        return -math.inf
    return score if metric.higher_is_better else -score


def train(folder: Path, words: Sequence[str]) -> int:
    """Runs or resumes a training in a process of its own; its output goes to FOLDER.log."""
    started = (folder / KEPT).is_file()
    given = [f"resume={folder}"] if started else [*words, f"hydra.run.dir={folder}"]
    return call("train", folder, given)


def call(program: str, folder: Path, words: Sequence[str]) -> int:
    """Runs a program; its output is appended to FOLDER.log. Returns its exit status."""
    log = folder.with_name(f"{folder.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    paths = [str(places.PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "innerloop", program, *words]
    with log.open("a") as output:
        done = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False)
    return done.returncode


def _is_finished(folder: Path) -> bool:
    return (folder / RESULTS).is_file()
