"""What is compared: a run, or the seeds of one setting; and whether they may be compared at all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from innerloop.errors import UserError, visible
from innerloop.reporting.finished import Finished, below, select, tests_of
from innerloop.reporting.terminal import leave_out
from innerloop.startup.keys import Role, role

SAME = (
    "algorithm", "dataset", "trained_on", "model", "experiment", "norm", "episode", "outer",
    "training", "init_from",
)  # fmt: skip
PROTOCOL = (
    "dataset", "episode.test.ways", "episode.test.shots", "episode.test.queries", "norm",
    "protocol.split", "protocol.tasks", "protocol.seed", "protocol.selected_by",
    "protocol.scored_step", "protocol.hash",
)  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """One RUN of the command line: a run, or the newest run of each seed of one setting."""

    name: str
    runs: list[Finished]

    @property
    def seeds(self) -> list[int]:
        return [run.results.seed for run in self.runs]

    @cached_property
    def by_run(self) -> np.ndarray:
        """Headline scores `(runs, tasks)`."""
        found = np.stack([run.scores for run in self.runs])
        if not np.isfinite(found).all():
            raise UserError(
                f"{self.name}: {int((~np.isfinite(found)).sum())} test tasks have no finite "
                f"{self.runs[0].metric.name}, so it has no mean to compare."
            )
        return found

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
    """What the words of the command line name, for each data set on which all were tested.

    Arguments:
        arguments: folders of runs, or selectors such as `algorithm=maml episode.shots=1`.
        outputs: the folder under which selectors look.

    Raises:
        UserError: if one names nothing or a mixture, or if the protocols differ.
    """
    there = below(outputs) if any(map(_selects, arguments)) else []
    sides = [_tests(argument, there, outputs) for argument in arguments]
    known = list(dict.fromkeys(name for side in sides for name in side))
    shared = [name for name in known if all(name in side for side in sides)]
    if not shared:  # then the protocols differ, and it is said in what
        return [_compared([next(iter(side.values())) for side in sides])]
    for name in known:
        if name not in shared:
            leave_out(f"{name}: not all of these were tested on it")
    return [_compared([side[name] for side in sides]) for name in shared]


def _compared(sides: list[Contender]) -> list[Contender]:
    """The same, once it is known that they can be compared."""
    for first, second in combinations([run for side in sides for run in side.runs], 2):
        _same_protocol(first, second)
    return sides


def _selects(argument: str) -> bool:
    """Whether it is conditions rather than a folder."""
    return "=" in argument and not os.path.isdir(os.path.expanduser(argument))


def _tests(argument: str, there: list[Finished], outputs: Path) -> dict[str, Contender]:
    """What a word of the command line names, by the data set of the test."""
    if not _selects(argument):
        tests = tests_of(Path(argument).expanduser())
        return {test.results.dataset: Contender(argument, [test]) for test in tests}
    runs = [run for run in select(there, argument.split()) if _has_scores(run)]
    if not runs:
        raise UserError(
            f"No finished run under {outputs} meets {argument!r}; python src/runs.py lists them."
        )
    groups: dict[str, list[Finished]] = {}
    for run in runs:
        groups.setdefault(run.results.dataset, []).append(run)
    for first, second in combinations([group[0] for group in groups.values()], 2):
        _same(argument, first, second, ("trained_on",))
    return {name: _newest(argument, group) for name, group in groups.items()}


def _newest(argument: str, runs: list[Finished]) -> Contender:
    """The newest run of each seed, once it is known that they are of one setting."""
    for first, second in combinations(runs, 2):
        _same(argument, first, second, SAME)
    newest = {run.results.seed: run for run in runs}
    return Contender(argument, [newest[seed] for seed in sorted(newest)])


def _has_scores(run: Finished) -> bool:
    try:
        return len(run.scores) > 0
    except UserError as error:
        leave_out(error)
        return False


def _said(value: object) -> str:
    """A value in a message."""
    return visible(value, 80)


def _same(argument: str, first: Finished, second: Finished, keys: Sequence[str]) -> None:
    """Raises `UserError` where two runs are not of one setting: `SAME` or some of its keys."""
    ours, theirs = [
        {k: v for k, v in run.values.items() if k.split(".")[0] in keys} for run in (first, second)
    ]
    if keys == SAME and first.configuration and second.configuration:
        for found, run in ((ours, first), (theirs, second)):
            setting = run.configuration.items()
            found |= {k: v for k, v in setting if Role.RESULT in role(k)}
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key) != theirs.get(key):
            raise UserError(
                f"{argument!r} matches different settings: {key} is {_said(ours.get(key))} in "
                f"{first.folder} and {_said(theirs.get(key))} in {second.folder}.\n"
                f"Narrow it, as with {key}={_said(theirs.get(key))}, or give folders."
            )


def _same_protocol(first: Finished, second: Finished) -> None:
    """Learners without inner steps have no scored step, which differs from nobody's."""
    pairs = {key: (first.get(key), second.get(key)) for key in PROTOCOL}
    pairs["metric"] = (first.metric.name, second.metric.name)
    if None in pairs["protocol.scored_step"]:
        del pairs["protocol.scored_step"]
    differing = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    if not differing:
        return
    listed = ", ".join(f"{key} is {_said(a)} and {_said(b)}" for key, (a, b) in differing.items())
    advice = (
        "Batch norm is part of the protocol: train both with the same norm=."
        if "norm" in differing
        else "Test one as the other was: python src/evaluate.py ckpt_path=RUN KEY=VALUE"
    )
    raise UserError(f"{first.folder} and {second.folder} cannot be compared: {listed}.\n{advice}")
