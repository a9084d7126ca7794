"""The inner loop of one task: losses, gradients and updates, by step and layer."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.adaptation.gradients import Parameters
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.promises import WithSupport
from innerloop.machine.float64 import exact
from innerloop.tasks import Task

ALL = "all layers"


class Step(NamedTuple):
    """A task after `step` inner steps."""

    step: int
    support_loss: float
    query_loss: float
    score: float  #: the headline metric of the queries
    outputs: Tensor  #: `(n, width)` for the queries
    gradients: dict[str, float]  #: norm of the support loss's gradient, by layer and for `ALL`
    updates: dict[str, float]  #: norm of the next step's change; empty after the last step


def trace(algorithm: Algorithm, tasks: Task, steps: int, progress: Tensor) -> list[Step]:
    """Follows the only task of a batch through `adapt`, in float64.

    Losses and gradients are those of the whole support set at the weights that `adapt` yields.
    Reptile, which descends on minibatches of it, sees other ones.

    Arguments:
        tasks: a batch of one task.
        steps: inner steps; learners without inner steps yield once.
        progress: how far training is, a scalar in 0..1.
    """
    learner = copy.deepcopy(algorithm).double()
    with torch.no_grad():
        task = task_tools.trimmed(task_tools.only(tree_map(_exact, tasks)))
        features = task_tools.only(learner.embed(task_tools.alone(task)))
        path = list(learner.trajectory(features, steps, progress, embedded=True))
        taken = [_step(learner, features, k, *step) for k, step in enumerate(path)]
        weights = [_weights(adapted)[0] for adapted, _ in path]
        for k in range(len(taken) - 1):
            moved = {n: w - weights[k][n] for n, w in weights[k + 1].items() if n in weights[k]}
            taken[k] = taken[k]._replace(updates=by_layer(moved))
    return taken


def by_layer(tensors: dict[str, Tensor]) -> dict[str, float]:
    """Euclidean norms over the tensors of each layer, and over all.

    `body.0.weight` and `body.0.bias` belong to the layer `body.0`.
    """
    squares: dict[str, float] = {ALL: 0.0}
    for name, value in tensors.items():
        layer, square = name.rpartition(".")[0] or name, float(exact(value).square().sum())
        squares[layer] = squares.get(layer, 0.0) + square
        squares[ALL] += square
    return {layer: square**0.5 for layer, square in squares.items()}


def _step(learner: Algorithm, task: Task, step: int, adapted: Adapted, outputs: Tensor) -> Step:
    objective, (support, query) = learner.objective, task
    weights, rebuilt = _weights(adapted)

    def support_loss(own: Parameters) -> Tensor:
        outputs = learner.predict(rebuilt(own), support.inputs)
        return objective.loss(outputs, support.targets)

    steps = learner.adapts_by_steps and bool(weights)
    gradient = torch.func.grad(support_loss)(weights) if steps else {}
    return Step(
        step=step,
        support_loss=float(support_loss(weights)),
        query_loss=float(objective.loss(outputs, query.targets)),
        score=float(objective.scores(outputs, query.targets)[objective.metric.name]),
        outputs=outputs,
        gradients=by_layer(gradient) if steps else {},
        updates={},
    )


def _weights(adapted: Adapted) -> tuple[Parameters, Callable[[Parameters], Adapted]]:
    """The adapted parameters by name, and a function that replaces them.

    `adapted` is a dict of tensors, or has one as `parameters`. For other forms there are no
    parameters, and an algorithm shows its losses only.
    """
    if isinstance(adapted, WithSupport):
        inner, rebuilt = _weights(adapted.adapted)
        return inner, lambda parameters: replace(adapted, adapted=rebuilt(parameters))
    own = getattr(adapted, "parameters", None)
    if isinstance(own, dict):
        return own, lambda parameters: adapted._replace(parameters=parameters)
    if isinstance(adapted, dict) and all(isinstance(v, Tensor) for v in adapted.values()):
        return adapted, lambda parameters: parameters
    return {}, lambda parameters: adapted


def _exact(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value
