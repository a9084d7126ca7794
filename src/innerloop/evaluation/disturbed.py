"""Tasks that were disturbed in one way each: what an honest learner should or should not mind.

Every function takes a batch of tasks `(T, n, ...)`, and returns new ones.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.tasks import Examples, Task


def rows(examples: Examples, order: Tensor) -> Examples:
    """The rows `order` `(T, m)` of each task's examples."""
    task = torch.arange(len(order), device=order.device)[:, None]
    picked: Any = tree_map(lambda x: x[task, order], tuple(examples))
    return Examples(*picked)


def row(examples: Examples, number: int) -> Examples:
    """One row of each task's examples: `(T, 1, ...)`."""
    picked: Any = tree_map(lambda x: x[:, number : number + 1], tuple(examples))
    return Examples(*picked)


def orders(examples: Examples, random: torch.Generator) -> Tensor:
    """A random order `(T, n)` of each task's examples."""
    shape = examples.targets.shape[:2]
    return torch.rand(shape, generator=random).argsort(1).to(examples.targets.device)


def labels_shuffled(tasks: Task, random: torch.Generator) -> Task:
    """The support's targets dealt out anew among its inputs: they say nothing about them now."""
    targets = rows(tasks.support, orders(tasks.support, random)).targets
    return Task(Examples(tasks.support.inputs, targets), tasks.query)


def support_reordered(tasks: Task, random: torch.Generator) -> Task:
    """The support's rows in another order, targets along."""
    return Task(rows(tasks.support, orders(tasks.support, random)), tasks.query)


def relabelled(tasks: Task, ways: int, random: torch.Generator) -> Task:
    """The classes under other names, the same in support and query; none keeps its own.

    The new names are a random cycle through all classes. A cycle and its inverse are as likely,
    so that a learner to whom names mean nothing scores as often higher as lower.
    """
    tasks_there, device = len(tasks.query.targets), tasks.query.targets.device
    circle = torch.rand(tasks_there, ways, generator=random).argsort(1).to(device)
    names = torch.empty_like(circle).scatter_(1, circle, circle.roll(1, 1))  # each the next one's

    def renamed(examples: Examples) -> Examples:
        return Examples(examples.inputs, names.gather(1, examples.targets))

    return Task(renamed(tasks.support), renamed(tasks.query))
