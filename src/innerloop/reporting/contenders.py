"""The runs of a comparison: a single run, or the seeds of one setting, for each side."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from innerloop.errors import UserError
from innerloop.reporting import score_bank, short_names, sweeps
from innerloop.reporting.comparable import (
    check_same_protocol,
    check_same_setting,
    differences_of_protocol,
)
from innerloop.reporting.finished import Finished, below, tests_of
from innerloop.reporting.selection import select
from innerloop.reporting.settings import Setting, labels, settings
from innerloop.reporting.terminal import leave_out
from innerloop.startup import places


@dataclass(frozen=True)
class Contender:
    """A side of a comparison: a run, or the newest run of each seed of one setting."""

    name: str
    runs: list[Finished]
    setting: Setting | None = None  #: of a sweep

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
    """The sides of each comparison, which were all tested on the same tasks.

    A sweep, or another folder of runs, stands for its settings. Then there is a comparison for each
    list of test tasks. Otherwise there is one for each data set on which all sides were tested.

    Arguments:
        arguments: folders or short names of runs, folders of runs, score files, or selectors such
            as `algorithm=maml episode.shots=1`.
        outputs: the folder in which selectors and short names look for runs.

    Raises:
        UserError: if an argument selects no run or runs of several settings, or if the protocols
            differ.
    """
    known_runs = below(outputs) if not all(map(_is_place, arguments)) else []
    if any(map(sweeps.holds_runs, arguments)):
        sides: list[Contender] = []
        for argument in arguments:
            if sweeps.holds_runs(argument):
                groups = settings([r for r in sweeps.members(Path(argument)) if _has_scores(r)])
                sides += [Contender(group.first.name, group.runs, group) for group in groups]
            else:
                sides += _tests(argument, known_runs, outputs).values()
        return [_labelled(group) for group in _by_test(sides)]
    return _on_shared_sets([_tests(argument, known_runs, outputs) for argument in arguments])


def _by_test(sides: Sequence[Contender]) -> list[list[Contender]]:
    """The sides that can be compared with each other, together."""
    groups: list[list[Contender]] = []
    for side in sides:
        fitting = (g for g in groups if not differences_of_protocol(g[0].runs[0], side.runs[0]))
        group = next(fitting, None)
        if group is None:
            groups.append(group := [])
        group.append(side)
    return groups


def _labelled(group: list[Contender]) -> list[Contender]:
    """The sides of a table; settings of a sweep are named by what differs among them."""
    own = [side.setting for side in group if side.setting is not None]
    names = iter(labels(own))
    return [s if s.setting is None else replace(s, name=next(names)) for s in group]


def _on_shared_sets(sides: Sequence[Mapping[str, Contender]]) -> list[list[Contender]]:
    """The sides on each data set on which all of them were tested."""
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


def _is_folder(argument: str) -> bool:
    return os.path.isdir(os.path.expanduser(argument))


def _is_place(argument: str) -> bool:
    return _is_folder(argument) or score_bank.named(argument) is not None


def _tests(argument: str, known_runs: list[Finished], outputs: Path) -> dict[str, Contender]:
    """The tests that an argument selects, by data set."""
    banked = score_bank.named(argument)
    if banked is not None:
        name, test = banked[0], score_bank.read(banked[1])
        return {test.results.dataset: Contender(name, [test])}
    if _is_folder(argument) or "=" not in argument:
        named = None if _is_folder(argument) else short_names.named(argument, known_runs)
        tests = tests_of(named.folder if named else Path(argument).expanduser())
        return {test.results.dataset: Contender(argument, [test]) for test in tests}
    runs = [run for run in select(known_runs, argument.split()) if _has_scores(run)]
    if not runs:
        raise UserError(
            f"No finished run under {outputs} meets {argument!r}; these are finished: "
            f"{' '.join(places.program('runs'))} --outputs {outputs}"
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
