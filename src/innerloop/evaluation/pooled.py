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
        gaps: `(..., BINS)`, the mean over tasks (with equally many queries) of
            `calibration_gaps`.
    """
    return gaps.abs().sum(-1)


def calibration(gaps: Tensor, scored_step: int | None) -> dict[str, Any]:
    """The entry of `results.json`, from gaps `(steps + 1, BINS)`."""
    errors = calibration_error(gaps).tolist()
    return {"bins": BINS, "error": errors[scored_step or 0], "error_by_step": errors}


def per_class(
    accuracy: Tensor, classes: np.ndarray | None, names: Sequence[str] | None
) -> dict[str, dict[str, Any]] | None:
    """Mean accuracy of each test class, and in how many tasks it occurred.

    Arguments:
        accuracy: `(tasks, ways)` of the label's queries.
        classes: `(tasks, ways)` numbers of the classes that the labels stand for.
        names: of the classes, by number.

    None where the data set has no classes, or more than `LISTED` were met.
    """
    met, place = np.unique(classes if classes is not None else [], return_inverse=True)
    if not 0 < len(met) <= LISTED:
        return None
    tasks = np.bincount(place.ravel())
    sums = np.bincount(place.ravel(), weights=accuracy.double().numpy().ravel())
    return {
        names[c] if names else str(c): {"accuracy": float(sums[i] / tasks[i]), "tasks": int(n)}
        for i, (c, n) in enumerate(zip(met, tasks, strict=True))
    }
