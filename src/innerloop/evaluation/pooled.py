"""Metrics over all tasks together: calibration of all queries, and accuracy of each class."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from torch import Tensor

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


def per_class(
    accuracy: Tensor, classes: np.ndarray | None, names: Sequence[str] | None
) -> dict[str, dict[str, float]] | None:
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
    tasks = np.bincount(place.ravel())
    sums = np.bincount(place.ravel(), weights=values[seen])
    return {
        names[c] if names else str(c): {"accuracy": float(sums[i] / tasks[i]), "tasks": int(n)}
        for i, (c, n) in enumerate(zip(numbers, tasks, strict=True))
    }
