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
    targets: Tensor  #: `(n,)` class labels, or `(n, d)` real targets


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


def without_support(query: Examples) -> Task:
    """A batch of tasks that have nothing to adapt to, only examples to be judged on."""
    return Task(tree_map(lambda x: x[:, :0], query), query)


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
