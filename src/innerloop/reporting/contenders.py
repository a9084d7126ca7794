"""What is compared: a run, or the seeds of one setting; and whether they may be compared at all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from innerloop.errors import UserError, visible
from innerloop.reporting.finished import Finished, below, read, select
from innerloop.reporting.terminal import leave_out

SAME = (
    "algorithm", "dataset", "model", "experiment", "norm", "episode", "outer", "training",
    "init_from",
)  # fmt: skip
APART = (  # parts of the configuration in which runs of one setting may differ
    "seed", "paths", "names", "hydra", "logger", "callbacks", "trainer", "engine", "workers",
    "threads", "tags", "resume", "sweep", "log_every", "published", "deviates", "debug",
    "dataset.on_device",
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
                f"{self.runs[0].metric}, so it has no mean to compare."
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


def contenders(arguments: Sequence[str], outputs: Path) -> list[Contender]:
    """What the words of the command line name.

    Arguments:
        arguments: folders of runs, or selectors such as `algorithm=maml episode.shots=1`.
        outputs: the folder under which selectors look.

    Raises:
        UserError: if one names nothing or a mixture, or if the protocols differ.
    """
    there = below(outputs) if any(map(_selects, arguments)) else []
    made = [_contender(argument, there, outputs) for argument in arguments]
    for first, second in combinations([run for contender in made for run in contender.runs], 2):
        _same_protocol(first, second)
    return made


def _selects(argument: str) -> bool:
    """Whether it is conditions rather than a folder."""
    return "=" in argument and not os.path.isdir(os.path.expanduser(argument))


def _contender(argument: str, there: list[Finished], outputs: Path) -> Contender:
    if not _selects(argument):
        return Contender(argument, [read(Path(argument).expanduser())])
    found = [run for run in select(there, argument.split()) if _has_scores(run)]
    if not found:
        raise UserError(
            f"No finished run under {outputs} meets {argument!r}; python src/runs.py lists them."
        )
    for first, second in combinations(found, 2):
        _same_setting(argument, first, second)
    newest = {run.results.seed: run for run in found}
    return Contender(argument, [newest[seed] for seed in sorted(newest)])


def _has_scores(run: Finished) -> bool:
    try:
        return len(run.scores) > 0
    except UserError as error:
        leave_out(error)
        return False


def of_setting(key: str) -> bool:
    """Whether runs of one setting have the same value of this key of the configuration."""
    return key == "trainer.precision" or not {key, key.split(".")[0]} & set(APART)


def _said(value: object) -> str:
    """A value in a message."""
    return visible(value, 80)


def _same_setting(argument: str, first: Finished, second: Finished) -> None:
    ours, theirs = [
        {k: v for k, v in run.values.items() if k.split(".")[0] in SAME} for run in (first, second)
    ]
    if first.configuration and second.configuration:
        for found, run in ((ours, first), (theirs, second)):
            setting = run.configuration.items()
            found |= {k: v for k, v in setting if of_setting(k)}
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
    pairs["metric"] = (first.metric, second.metric)
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
