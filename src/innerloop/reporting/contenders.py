"""The runs of a comparison: a single run, or the seeds of one setting, for each side."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from innerloop.errors import UserError
from innerloop.reporting.comparable import check_same_protocol, check_same_setting
from innerloop.reporting.finished import Finished, below, tests_of
from innerloop.reporting.selection import select
from innerloop.reporting.terminal import leave_out


@dataclass(frozen=True)
class Contender:
    """A side of a comparison: a run, or the newest run of each seed of one setting."""

    name: str
    runs: list[Finished]

    @property
    def seeds(self) -> list[int]:
        return [run.results.seed for run in self.runs]

    @cached_property
    def by_run(self) -> np.ndarray:
        """Headline scores `(runs, tasks)`."""
        scores = np.stack([run.scores for run in self.runs])
        if not np.isfinite(scores).all():
            raise UserError(
                f"{self.name}: {int((~np.isfinite(scores)).sum())} test tasks have no finite "
                f"{self.runs[0].metric.name}, so it has no mean to compare."
            )
        return scores

    @property
    def scores(self) -> np.ndarray:
        """`(tasks,)`, averaged over the runs."""
        return self.by_run.mean(0)

    @property
    def means(self) -> list[float]:
        """A mean for each run."""
        return [float(mean) for mean in self.by_run.mean(1)]

    @property
    def classes(self) -> np.ndarray | None:
        return self.runs[0].classes


def contenders(arguments: Sequence[str], outputs: Path) -> list[list[Contender]]:
    """The sides of a comparison on each data set on which all of them were tested.

    Arguments:
        arguments: folders of runs, or selectors such as `algorithm=maml episode.shots=1`.
        outputs: the folder in which selectors look for runs.

    Raises:
        UserError: if an argument selects no run or runs of several settings, or if the protocols
            differ.
    """
    known_runs = below(outputs) if any(map(_selects, arguments)) else []
    sides = [_tests(argument, known_runs, outputs) for argument in arguments]
    known = list(dict.fromkeys(name for side in sides for name in side))
    shared = [name for name in known if all(name in side for side in sides)]
    if not shared:  # the protocols differ; the error says how
        return [_comparable([next(iter(side.values())) for side in sides])]
    for name in known:
        if name not in shared:
            leave_out(f"{name}: not all of these were tested on it")
    return [_comparable([side[name] for side in sides]) for name in shared]


def _comparable(sides: list[Contender]) -> list[Contender]:
    """The sides themselves; raises `UserError` if their protocols differ."""
    for first, second in combinations([run for side in sides for run in side.runs], 2):
        check_same_protocol(first, second)
    return sides


def _selects(argument: str) -> bool:
    """Whether an argument consists of conditions, and is not a folder."""
    return "=" in argument and not os.path.isdir(os.path.expanduser(argument))


def _tests(argument: str, known_runs: list[Finished], outputs: Path) -> dict[str, Contender]:
    """The tests that an argument selects, by data set."""
    if not _selects(argument):
        tests = tests_of(Path(argument).expanduser())
        return {test.results.dataset: Contender(argument, [test]) for test in tests}
    runs = [run for run in select(known_runs, argument.split()) if _has_scores(run)]
    if not runs:
        raise UserError(
            f"No finished run under {outputs} meets {argument!r}; python src/runs.py lists them."
        )
    groups: dict[str, list[Finished]] = {}
    for run in runs:
        groups.setdefault(run.results.dataset, []).append(run)
    for first, second in combinations([group[0] for group in groups.values()], 2):
        check_same_setting(argument, first, second, ("trained_on",))
    return {name: _newest(argument, group) for name, group in groups.items()}


def _newest(argument: str, runs: list[Finished]) -> Contender:
    """The newest run of each seed; raises `UserError` if the runs have several settings."""
    for first, second in combinations(runs, 2):
        check_same_setting(argument, first, second)
    newest = {run.results.seed: run for run in runs}
    return Contender(argument, [newest[seed] for seed in sorted(newest)])


def _has_scores(run: Finished) -> bool:
    try:
        return len(run.scores) > 0
    except UserError as error:
        leave_out(error)
        return False
