"""Metrics over all tasks together: calibration of all queries, and accuracy of each class."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from innerloop.evaluation.interval import over_tasks
from innerloop.objectives import BINS

LISTED = 100  #: most classes that `results.json` lists; scores.npz always has all of them


class Calibration(TypedDict):
    """Expected calibration error at the scored step, and of the curve's tasks after every one."""

    bins: int
    error: float
    error_by_step: list[float]


def calibration_error(gaps: Tensor) -> Tensor:
    r"""Expected calibration error of the queries of all tasks together (Guo et al., "On calibration
    of modern neural networks", 2017), :math:`\sum_b \frac{n_b}{n} |conf_b - acc_b|`.

    It is pooled over tasks because a single task's few queries leave most bins nearly empty, which
    makes its own error far too large. Like any such estimate it is biased upwards; the bias shrinks
    with the number of queries.

    Arguments:
        gaps: `(..., BINS + 1)`, the mean over tasks of `calibration_gaps`; tasks may differ in
            their number of queries.

    Returns `(...)`.
    """
    return gaps[..., :BINS].abs().sum(-1) / gaps[..., BINS]


def calibration(gaps: Tensor, by_step: Tensor) -> Calibration:
    """The entry of `results.json`.

    Arguments:
        gaps: the mean over all tasks at the scored step, `(BINS + 1,)`.
        by_step: the mean over the curve's tasks after every step, `(steps + 1, BINS + 1)`.
    """
    errors = calibration_error(by_step).tolist()
    return {"bins": BINS, "error": float(calibration_error(gaps)), "error_by_step": errors}


class ClassAccuracy(TypedDict):
    """Mean accuracy of a class's queries over the tasks that have it, with its interval."""

    accuracy: float
    ci95: float | None  #: None for a single task
    tasks: int


def per_class(
    accuracy: Tensor, classes: np.ndarray | None, names: Sequence[str] | None
) -> dict[str, ClassAccuracy] | None:
    """Mean accuracy of each test class, and the number of tasks in which it occurred.

    Arguments:
        accuracy: `(tasks, ways)` of each label's queries; NaN for a label without queries.
        classes: `(tasks, ways)` numbers of the classes that the labels stand for; -1 for none.
        names: names of the classes, by number.

    None if the data set has no classes, or if more than `LISTED` occurred.
    """
    if classes is None:
        return None
    values = accuracy.double().numpy()
    seen = (classes >= 0) & ~np.isnan(values)
    numbers, place = np.unique(classes[seen], return_inverse=True)
    if not 0 < len(numbers) <= LISTED:
        return None
    own = [values[seen][place.ravel() == i] for i in range(len(numbers))]
    return {
        names[c] if names else str(c): _over_its_tasks(scores)
        for c, scores in zip(numbers, own, strict=True)
    }


def _over_its_tasks(scores: np.ndarray) -> ClassAccuracy:
    mean, half, tasks = over_tasks(torch.from_numpy(scores))
    return {"accuracy": mean, "ci95": half if tasks > 1 else None, "tasks": tasks}
