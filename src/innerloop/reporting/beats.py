"""The test tasks on which one run beats another by most."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from innerloop.errors import UserError, visible
from innerloop.evaluation.schema import RESULTS
from innerloop.machine.foreign import there
from innerloop.objectives import Metric
from innerloop.reporting.finished import SCORES, Finished, read


class Beaten(NamedTuple):
    """A task and its headline scores."""

    task: int
    first: float
    second: float


def beaten(first: Path, second: Path, top: int) -> tuple[Metric, list[Beaten]]:
    """The headline metric, and the `top` tasks where `first` beats `second`, widest gap first.

    Raises:
        UserError: if a folder holds no test, or the two were not tested on the same tasks.
    """
    runs = [_tested(folder) for folder in (first, second)]
    protocols = [_protocol(run) for run in runs]
    if protocols[0] != protocols[1]:
        raise UserError(
            f"{first} and {second} were not tested on the same tasks: their protocols are "
            f"{protocols[0]} and {protocols[1]}."
        )
    metric = runs[0].metric
    sign = 1.0 if metric.higher_is_better else -1.0
    better, worse = (run.scores for run in runs)
    gap = _gap(sign * better, sign * worse)
    order = [int(i) for i in np.argsort(-gap, kind="stable") if gap[i] > 0]
    return metric, [Beaten(i, float(better[i]), float(worse[i])) for i in order[:top]]


def _gap(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """How much higher each task's score is, `(tasks,)`; NaN is lower than any number."""
    not_finite = [~np.isfinite(scores) for scores in (better, worse)]
    with np.errstate(invalid="ignore"):
        gap = np.where(not_finite[1] & ~not_finite[0], np.inf, better - worse)
    return np.where(not_finite[0], -np.inf, gap)


def _tested(folder: Path) -> Finished:
    for name in (RESULTS, SCORES):
        if not there(folder / name):
            raise UserError(
                f"{folder} holds no test: {RESULTS} and {SCORES} are written at the end of a run. "
                "Give the folder that the run printed, such as outputs/DATE/TIME_NAME."
            )
    return read(folder)


def _protocol(run: Finished) -> str:
    """What two tests must have in common, in words."""
    protocol, test = run.results.protocol, run.results.episode.test
    size = f"{protocol.tasks} tasks, {test.in_words}"
    return visible(f"{protocol.hash} ({size}, by {run.metric.name})", 120)
