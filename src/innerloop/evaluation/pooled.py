"""What no single task can say: calibration of all queries together, and accuracy of a class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from innerloop.objectives import BINS

LISTED = 100  #: most classes that `results.json` lists; scores.npz has those of any number


def calibration_error(gaps: Tensor) -> Tensor:
    r"""Expected calibration error of the queries of all tasks together (Guo et al., "On calibration
    of modern neural networks", 2017), :math:`\sum_b \frac{n_b}{n} |conf_b - acc_b|`.

    Pooled over tasks, because a task's few queries leave most bins nearly empty, and their own
    error far too large. Like any such estimate it leans upwards, the less the more queries there
    are.

    Arguments:
        gaps: `(..., BINS + 1)`, the mean over tasks of `calibration_gaps`; tasks may differ in
            their number of queries.
    """
    return gaps[..., :BINS].abs().sum(-1) / gaps[..., BINS]


def calibration(gaps: Tensor, scored_step: int | None) -> dict[str, Any]:
    """The entry of `results.json`, from gaps `(steps + 1, BINS)`."""
    errors = calibration_error(gaps).tolist()
    return {"bins": BINS, "error": errors[scored_step or 0], "error_by_step": errors}


def per_class(
    accuracy: Tensor, classes: np.ndarray | None, names: Sequence[str] | None
) -> dict[str, dict[str, Any]] | None:
    """Mean accuracy of each test class, and in how many tasks it occurred.

    Arguments:
        accuracy: `(tasks, ways)` of the label's queries; not a number where it has none.
        classes: `(tasks, ways)` numbers of the classes that the labels stand for; -1 for none.
        names: of the classes, by number.

    None where the data set has no classes, or more than `LISTED` were met.
    """
    if classes is None:
        return None
    values = accuracy.double().numpy()
    seen = (classes >= 0) & ~np.isnan(values)
    met, place = np.unique(classes[seen], return_inverse=True)
    if not 0 < len(met) <= LISTED:
        return None
    tasks = np.bincount(place.ravel())
    sums = np.bincount(place.ravel(), weights=values[seen])
    return {
        names[c] if names else str(c): {"accuracy": float(sums[i] / tasks[i]), "tasks": int(n)}
        for i, (c, n) in enumerate(zip(met, tasks, strict=True))
    }
