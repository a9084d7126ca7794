"""Running averages of batch norm for each inner step (Antoniou et al., "How to train your MAML",
2019, per-step batch normalisation running statistics)."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.promises import WithSupport
from innerloop.layers import norm
from innerloop.layers.norm import TaskNorm
from innerloop.tasks import Examples, Task

Statistics = list[Tensor]  #: `(2, channels)`, mean and variance, for each layer


def update(algorithm: Algorithm, tasks: Task, progress: Tensor, side_by_side: bool) -> None:
    """Adapts to every task of a batch, and lets each step's averages follow the tasks' mean.

    Arguments:
        progress: how far training is, a scalar in 0..1.
        side_by_side: whether tasks are adapted to at once, by `vmap`.
    """
    layers = [layer for layer in norm.layers(algorithm) if layer.mode == "per_step"]

    def of_task(task: Task) -> Statistics:
        return _of_task(algorithm, layers, task, progress)

    statistics = task_tools.over_tasks(of_task, tasks, side_by_side)
    for layer, of_layer in zip(layers, statistics, strict=True):
        layer.follow(*of_layer.mean(0).unbind(1))


def _of_task(
    algorithm: Algorithm, layers: list[TaskNorm], task: Task, progress: Tensor
) -> Statistics:
    """Statistics `(steps, 2, channels)` of one task: halfway between those of the support in a step
    and those of the queries after it."""
    steps, support, queries = algorithm.steps, [], []
    for number, adapted in enumerate(algorithm.adapt(task.support, steps, progress)):
        if number < steps:
            before = replace(adapted, step=number)
            support.append(_of_pass(algorithm, layers, before, task.support))
        if number > 0:
            queries.append(_of_pass(algorithm, layers, adapted, task.query))
    return [
        (torch.stack(before) + torch.stack(after)) / 2
        for before, after in zip(_by_layer(support), _by_layer(queries), strict=True)
    ]


def _by_layer(steps: list[Statistics]) -> Iterator[tuple[Tensor, ...]]:
    return zip(*steps, strict=True)


def _of_pass(
    algorithm: Algorithm, layers: list[TaskNorm], adapted: WithSupport, examples: Examples
) -> Statistics:
    """Mean and variance of what each layer gets when examples are predicted."""
    seen: dict[TaskNorm, Tensor] = {}

    def note(layer: TaskNorm, inputs: tuple[Tensor]) -> None:
        seen[layer] = layer.statistics(*inputs)

    with ExitStack() as hooks:
        for layer in layers:
            hooks.callback(layer.register_forward_pre_hook(note).remove)
        algorithm.predict(adapted, examples.inputs)
    return [seen[layer] for layer in layers]
