"""What a task is: a support set to adapt to, and a query set to be judged on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_leaves, tree_map

PADDING = -100  #: the label of a row that only fills up a batch; cross-entropy ignores it


class Padded(NamedTuple):
    """Inputs of which only some rows are real, so that tasks of unequal size form a batch."""

    values: Any  #: a tensor `(n, ...)`, or a dict of such tensors
    real: Tensor  #: `(n,)` bool; the labels of the other rows are `PADDING`


class Examples(NamedTuple):
    """`n` examples of a task. A batch of tasks has one more dimension in front."""

    inputs: (
        Any  #: a tensor `(n, ...)`, or a dict of such tensors; `Padded` in tasks of unequal size
    )
    targets: Any  #: `(n,)` class labels, or `(n, d)` real targets; those `Padded` as inputs are


class Task(NamedTuple):
    """One task, or a batch of tasks when every tensor has a leading task dimension."""

    support: Examples
    query: Examples


class Episode(NamedTuple):
    """The sizes of a task: classes, labelled examples of each, and examples of each to predict."""

    ways: int
    shots: int
    queries: int


def count(tasks: Any) -> int:
    """Length of the first dimension: the number of tasks of a batch, or of examples of a task."""
    return int(tree_leaves(tasks)[0].shape[0])


def part(tasks: Any, start: int, stop: int) -> Any:
    """The tasks `start:stop` of a batch."""
    return tree_map(lambda x: x[start:stop], tasks)


def only(tasks: Any) -> Any:
    """The single task of a batch that holds one."""
    return tree_map(lambda x: x[0], tasks)


def alone(task: Any) -> Any:
    """A batch that holds this task alone."""
    return tree_map(lambda x: x[None], task)


def like(inputs: Any, features: Tensor) -> Any:
    """Features in the place of the inputs, row by row: padded where the inputs are."""
    return Padded(features, inputs.real) if isinstance(inputs, Padded) else features


def values(inputs: Any) -> Any:
    """The inputs without the note which rows are real."""
    return inputs.values if isinstance(inputs, Padded) else inputs


def plain(task: Task) -> Task:
    """The task without the note which rows are real, to be shown."""
    return Task(*[Examples(values(inputs), values(targets)) for inputs, targets in task])


def trimmed(task: Task) -> Task:
    """One task without the rows that only fill up a batch; it still knows that it was padded."""

    def without_padding(examples: Examples) -> Examples:
        if not isinstance(examples.inputs, Padded):
            return examples
        real = examples.inputs.real
        return Examples(*tree_map(lambda x: x[real], tuple(examples)))

    return Task(*[without_padding(examples) for examples in task])


def concatenate(first: Any, second: Any, dim: int = 0) -> Any:
    """Joins two sets of examples, or the same leaves of two batches along `dim`."""
    return tree_map(lambda a, b: torch.cat([a, b], dim), first, second)


def over_tasks(function: Callable[[Any], Any], tasks: Any, side_by_side: bool = True) -> Any:
    """What `function` returns for each task of a batch, stacked.

    Arguments:
        function: of one task, to a tree of tensors.
        side_by_side: whether the tasks run at once, by `vmap`. Each then draws random numbers of
            its own, as dropout needs.
    """
    total = count(tasks)
    if total > 1 and side_by_side:
        return vmap(function, randomness="different")(tasks)
    # One task needs no vmap, which would turn its convolutions into slower grouped ones.
    results = [function(only(part(tasks, i, i + 1))) for i in range(total)]
    return tree_map(lambda *values: torch.stack(values), *results)
