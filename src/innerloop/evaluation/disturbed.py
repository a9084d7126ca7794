"""Tasks that are disturbed in one way each, to see whether a learner's answers depend on it.

Every function takes a batch of tasks `(T, n, ...)` and returns new ones.
"""

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from innerloop.tasks import Examples, Task


def rows(examples: Examples, order: Tensor) -> Examples:
    """The rows `order` `(T, m)` of each task's examples."""
    task = torch.arange(len(order), device=order.device)[:, None]
    return Examples(*tree_map(lambda x: x[task, order], tuple(examples)))


def row(examples: Examples, number: int) -> Examples:
    """One row of each task's examples: `(T, 1, ...)`."""
    return Examples(*tree_map(lambda x: x[:, number : number + 1], tuple(examples)))


def orders(examples: Examples, random: torch.Generator) -> Tensor:
    """A random order `(T, n)` of each task's examples."""
    first: Tensor = tree_leaves(examples)[0]
    return torch.rand(first.shape[:2], generator=random).argsort(1).to(first.device)


def labels_shuffled(tasks: Task, random: torch.Generator) -> Task:
    """The support's targets in a random order, so that they say nothing about its inputs."""
    targets = rows(tasks.support, orders(tasks.support, random)).targets
    return Task(Examples(tasks.support.inputs, targets), tasks.query)


def support_reordered(tasks: Task, random: torch.Generator) -> Task:
    """The support's inputs and targets together in a random order."""
    return Task(rows(tasks.support, orders(tasks.support, random)), tasks.query)


def relabelled(tasks: Task, ways: int, random: torch.Generator) -> Task:
    """The classes with other labels, the same in support and query; no class keeps its label.

    The new labels are a random cycle through all classes. A cycle and its inverse are equally
    likely, so that a learner to which labels mean nothing scores higher as often as lower.

    Arguments:
        ways: classes of each task.
    """
    targets = tasks.query.targets
    cycle = torch.rand(len(targets), ways, generator=random).argsort(1).to(targets.device)
    labels = torch.empty_like(cycle).scatter_(1, cycle, cycle.roll(1, 1))  # each takes the next

    def renamed(examples: Examples) -> Examples:
        return Examples(examples.inputs, labels.gather(1, examples.targets))

    return Task(renamed(tasks.support), renamed(tasks.query))
