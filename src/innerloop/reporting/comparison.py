"""The numbers of a comparison: every mean and every difference with its intervals."""

import math
import statistics
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch

from innerloop.errors import UserError
from innerloop.evaluation import stamps
from innerloop.evaluation.class_interval import over_classes
from innerloop.evaluation.comparison import between_seeds, holm, paired
from innerloop.evaluation.interval import over_seeds, over_tasks
from innerloop.reporting.comparison_record import (
    ComparisonRecord,
    DifferenceRecord,
    Intervals,
    SideRecord,
)
from innerloop.reporting.contenders import Contender

SEEDS = 3  #: of each side; with fewer, a difference is only about these checkpoints
TASKS = 6  #: with fewer, no p-value over tasks can be below 0.05: 2 of 2**6 signs are one-sided


def compare(sides: Sequence[Contender]) -> ComparisonRecord:
    """Means and pairwise differences of the headline metric, as `compare.py --json` writes them.

    With one or two seeds on a side, p-values are those of the paired t over tasks. They are about
    these checkpoints, averaged if there are several. With three or more seeds on each side they
    are those of Welch's t over seeds and are about methods. `p_holm` is corrected for the number
    of differences. Over fewer than `TASKS` tasks there is no p-value.

    Raises:
        UserError: if the runs' lists of tasks are not the same.
    """
    _check_same_tasks(sides)
    first = sides[0].runs[0]
    return {
        "metric": first.metric._asdict(),
        "dataset": first.results.dataset,
        "episode": first.results.episode.test.episode.record(),
        "protocol": first.results.protocol.model_dump(exclude={"scored_step"}),
        "runs": [_side(side) for side in sides],
        "differences": _differences(sides),
    }


def _side(side: Contender) -> SideRecord:
    results = side.runs[0].results
    times = [run.results.seconds for run in side.runs if run.results.seconds is not None]
    return {
        "name": side.name,
        "algorithm": results.algorithm,
        "trained_on": results.training_set,
        "training": results.training_in_words,
        "norm": results.norm,
        "scored_step": results.protocol.scored_step,
        "seeds": side.seeds,
        "seed_means": side.means,
        "mean": over_tasks(torch.from_numpy(side.scores)).mean,
        **_intervals(side),
        "minutes": statistics.median(times) / 60 if times else None,
        "audit": stamps.in_words(run.results.audited for run in side.runs),
        "commands": [run.results.command for run in side.runs],
        "git": sorted({str(run.results.git) for run in side.runs}),
    }


def _intervals(side: Contender) -> Intervals:
    return {
        "ci95": _over_tasks(side) if len(side.scores) > 1 else None,
        "ci95_classes": _over_classes(side.scores, side.classes),
        "ci95_seeds": over_seeds(side.means),
    }


def _differences(sides: Sequence[Contender]) -> list[DifferenceRecord]:
    """All pairwise differences, with Holm's correction of their p-values."""
    pairs = combinations(range(len(sides)), 2)
    differences = [_difference(sides, first, second) for first, second in pairs]
    known = {i: p for i, entry in enumerate(differences) if (p := entry["p"]) is not None}
    for i, corrected in zip(known, holm(list(known.values())), strict=True):
        differences[i]["p_holm"] = corrected
    return differences


def _difference(sides: Sequence[Contender], i: int, j: int) -> DifferenceRecord:
    """The difference of the sides at two places, without Holm's correction."""
    first, second = sides[i], sides[j]
    tasks, enough = paired(first.scores, second.scores), len(first.scores) >= TASKS
    unpaired = None if tasks.ci95 is None else math.hypot(_over_tasks(first), _over_tasks(second))
    methods = min(len(first.seeds), len(second.seeds)) >= SEEDS
    seeds = between_seeds(first.means, second.means) if methods else None
    return {
        "first": i,
        "second": j,
        "about": "methods" if seeds else "these checkpoints",
        "mean": tasks.mean,
        "ci95": tasks.ci95,
        "ci95_unpaired": unpaired,
        "paired_to_unpaired": _ratio(tasks.ci95, unpaired),
        "ci95_classes": _over_classes(first.scores - second.scores, first.classes),
        "ci95_seeds": seeds.ci95 if seeds else None,
        "p": seeds.p if seeds else tasks.p if enough else None,
        "p_holm": None,
    }


def _ratio(paired: float | None, unpaired: float | None) -> float | None:
    return paired / unpaired if paired is not None and unpaired else None


def _over_tasks(side: Contender) -> float:
    return over_tasks(torch.from_numpy(side.scores)).ci95


def _over_classes(scores: np.ndarray, classes: np.ndarray | None) -> float | None:
    return None if classes is None else over_classes(scores, classes)


def _check_same_tasks(sides: Sequence[Contender]) -> None:
    """The protocol's hash promises the same tasks, but a folder may mix the files of two runs."""
    lists = [(run, run.classes) for side in sides for run in side.runs]
    reference, expected = lists[0]
    for run, classes in lists[1:]:
        if expected is not None and classes is not None and not np.array_equal(expected, classes):
            raise UserError(
                f"{reference.folder} and {run.folder} were tested on other tasks than their "
                "protocol says: their scores.npz hold different classes. Test both again."
            )
