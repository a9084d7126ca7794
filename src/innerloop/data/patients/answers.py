"""Risks that one would try before meta-learning: prevalence, logistic regression, boosted trees."""

import importlib
import importlib.util
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.tasks import Examples, Task

Answer = Callable[[Task], Tensor]
NEWTON_STEPS = 20


def baselines(training: Examples) -> Mapping[str, Answer]:
    """The answers by name; boosted trees only with scikit-learn.

    Arguments:
        training: the patients of all training tasks together.
    """
    answers: dict[str, Answer] = {
        "the group's prevalence": prevalence,
        "logistic regression on the support": logistic_of_support(100.0),
        "logistic regression over all, own prevalence": pooled_logistic(training, 10.0),
    }
    if importlib.util.find_spec("sklearn"):
        answers["gradient boosting over all and the support"] = pooled_boosting(training)
    return answers


def prevalence(task: Task) -> Tensor:
    """The share of the outcome in the support, with one more patient of each class."""
    ill = task.support.targets.double().sum()
    well = len(task.support.targets) - ill
    return _outputs(torch.log((ill + 1) / (well + 1)).expand(len(task.query.targets)))


def logistic_of_support(penalty: float) -> Answer:
    """Logistic regression on the task's own support."""

    def answer(task: Task) -> Tensor:
        weights = fit(task.support.inputs.double(), task.support.targets, penalty)
        return _outputs(_with_one(task.query.inputs.double()) @ weights)

    return answer


def pooled_logistic(training: Examples, penalty: float) -> Answer:
    """Logistic regression on the training patients, with an offset that is fitted to the support
    and shrunk towards zero."""
    weights = fit(training.inputs.double(), training.targets, penalty)

    def answer(task: Task) -> Tensor:
        known = _with_one(task.support.inputs.double()) @ weights
        own = fit(known.new_zeros(len(known), 0), task.support.targets, 1.0, known, free=False)
        return _outputs(_with_one(task.query.inputs.double()) @ weights + own[-1])

    return answer


def pooled_boosting(training: Examples) -> Answer:
    """Gradient-boosted trees on the training patients and the support together."""
    ensemble = importlib.import_module("sklearn.ensemble")  # of the extra `medicine`

    def answer(task: Task) -> Tensor:
        x, y = (np.concatenate([a, b]) for a, b in zip(training, task.support, strict=True))
        trees = ensemble.HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.1, max_leaf_nodes=8, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trees.fit(x, y)
        return _outputs(torch.from_numpy(trees.decision_function(task.query.inputs)))

    return answer


def fit(
    x: Tensor, y: Tensor, penalty: float, start: Tensor | None = None, free: bool = True
) -> Tensor:
    r"""The minimum of :math:`\sum_i \log(1 + e^{-s_i (x_i^T w + b + o_i)}) + \frac\lambda2 |w|^2`
    by Newton's method: `(d + 1,)` with b last.

    Arguments:
        x: `(n, d)`.
        y: `(n,)`, 0 or 1; :math:`s_i` is -1 or 1.
        penalty: :math:`\lambda`.
        start: :math:`o_i`, known parts of the logits `(n,)`.
        free: whether b has nearly no penalty; otherwise the same one.
    """
    design, y = _with_one(x), y.to(x.dtype)
    penalties = torch.full((design.shape[1],), penalty, dtype=x.dtype)
    penalties[-1] = 1e-2 if free else penalty
    weights = torch.zeros_like(penalties)
    for _ in range(NEWTON_STEPS):
        risk = (design @ weights + (0 if start is None else start)).sigmoid()
        slope = design.T @ (risk - y) + penalties * weights
        curvature = (design * (risk * (1 - risk))[:, None]).T @ design + penalties.diag()
        weights = weights - torch.linalg.solve(curvature, slope)
    return weights


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], 1)


def _outputs(log_odds: Tensor) -> Tensor:
    """Log odds `(n,)` as outputs `(n, 2)`."""
    return torch.stack([torch.zeros_like(log_odds), log_odds], 1).float()
