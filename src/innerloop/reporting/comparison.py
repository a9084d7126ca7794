"""The figures of a comparison: every mean with its intervals, every difference with its own."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch

from innerloop.errors import UserError
from innerloop.evaluation import stamps
from innerloop.evaluation.class_interval import over_classes
from innerloop.evaluation.comparison import between_seeds, holm, paired
from innerloop.evaluation.interval import over_seeds, over_tasks
from innerloop.reporting.contenders import Contender

SEEDS = 3  #: of each side, from which a difference may be one of methods
TASKS = 6  #: from which a p-value over tasks may fall below 0.05: 2 of 2**6 signs are one-sided


def compare(sides: Sequence[Contender]) -> dict[str, Any]:
    """Means and pairwise differences of the headline metric, as `compare.py --json` writes them.

    Up to two seeds a side, p-values are of the paired t over tasks and speak of these checkpoints,
    averaged where there are several; from three seeds each they are of Welch's t over seeds and
    speak of methods. `p_holm` is corrected for the number of differences. Over fewer than `TASKS`
    tasks there is no p-value.

    Raises:
        UserError: if the runs' lists of tasks are not the same.
    """
    _same_tasks(sides)
    differences = [
        {"first": i, "second": j} | _difference(sides[i], sides[j])
        for i, j in combinations(range(len(sides)), 2)
    ]
    tested = [entry for entry in differences if entry["p"] is not None]
    for entry, p in zip(tested, holm([entry["p"] for entry in tested]), strict=True):
        entry["p_holm"] = p
    first = sides[0].runs[0]
    return {
        "metric": first.metric._asdict(),
        "dataset": first.results.dataset,
        "norm": first.results.norm,
        "episode": first.results.episode.test.episode.record(),
        "protocol": first.results.protocol.model_dump(exclude={"scored_step"}),
        "runs": [_mean(side) for side in sides],
        "differences": differences,
    }


def _mean(side: Contender) -> dict[str, Any]:
    found, results = over_tasks(torch.from_numpy(side.scores)), side.runs[0].results
    return {
        "name": side.name,
        "algorithm": results.algorithm,
        "trained_on": results.training_set,
        "training": results.training_in_words,
        "scored_step": results.protocol.scored_step,
        "seeds": side.seeds,
        "mean": found.mean,
        "ci95": found.ci95 if found.tasks > 1 else None,
        "ci95_classes": _over_classes(side.scores, side.classes),
        "ci95_seeds": over_seeds(side.means),
        "audit": stamps.in_words(run.results.audited for run in side.runs),
        "commands": [run.results.command for run in side.runs],
        "git": sorted({str(run.results.git) for run in side.runs}),
    }


def _difference(first: Contender, second: Contender) -> dict[str, Any]:
    tasks = paired(first.scores, second.scores)
    unpaired = None if tasks.ci95 is None else _unpaired(first, second)
    methods = min(len(first.seeds), len(second.seeds)) >= SEEDS
    seeds = between_seeds(first.means, second.means) if methods else None
    enough = len(first.scores) >= TASKS
    return {
        "about": "methods" if seeds else "these checkpoints",
        "mean": tasks.mean,
        "ci95": tasks.ci95,
        "ci95_unpaired": unpaired,
        "paired_to_unpaired": tasks.ci95 / unpaired
        if tasks.ci95 is not None and unpaired
        else None,
        "ci95_classes": _over_classes(first.scores - second.scores, first.classes),
        "ci95_seeds": seeds.ci95 if seeds else None,
        "p": seeds.p if seeds else tasks.p if enough else None,
        "p_holm": None,
    }


def _unpaired(first: Contender, second: Contender) -> float:
    """Half-width of the interval of the difference if the tasks were not the same."""
    return math.hypot(*[over_tasks(torch.from_numpy(s.scores)).ci95 for s in (first, second)])


def _over_classes(scores: np.ndarray, classes: np.ndarray | None) -> float | None:
    return None if classes is None else over_classes(scores, classes)


def _same_tasks(sides: Sequence[Contender]) -> None:
    """The hash promises it; a folder whose files are of two runs would break the promise."""
    lists = [(run, run.classes) for side in sides for run in side.runs]
    reference, expected = lists[0]
    for run, classes in lists[1:]:
        if expected is not None and classes is not None and not np.array_equal(expected, classes):
            raise UserError(
                f"{reference.folder} and {run.folder} were tested on other tasks than their "
                "protocol says: their scores.npz hold different classes. Test both again."
            )
