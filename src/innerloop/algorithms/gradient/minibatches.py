"""Minibatches of a task's examples, of which some may only be padding."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from innerloop import tasks as task_tools
from innerloop.tasks import Examples, Padded


def minibatch(examples: Examples, number: int, size: int) -> Examples:
    """The minibatch of a step: they walk through the real examples in a circle.

    Arguments:
        examples: `(n, ...)` of one task.
        number: of the step, from 0.
        size: examples of a minibatch; all there are where there are fewer.

    Example:
        >>> five = Examples(torch.arange(5), torch.arange(5))
        >>> minibatch(five, 2, 2).inputs.tolist()
        [4, 0]
    """
    n, first = task_tools.count(examples), tree_leaves(examples)[0]
    places = torch.arange(min(size, n), device=first.device)
    if not isinstance(examples.inputs, Padded):
        return _rows(examples, (places + number * len(places)) % n)
    real = examples.inputs.real
    order = torch.argsort((~real).to(torch.int8), stable=True)  # real rows first
    total = real.sum()
    rows = order[(places + number * total.clamp(max=len(places))) % total]
    return _cut(_rows(examples, rows), places < total)


def _rows(examples: Examples, rows: Tensor) -> Examples:
    return Examples(*tree_map(lambda x: x[rows], tuple(examples)))


def _cut(examples: Examples, kept: Tensor) -> Examples:
    """The examples, of which some rows are padding: a task may have fewer than a minibatch."""
    inputs, targets = Padded(examples.inputs.values, kept), examples.targets
    if isinstance(targets, Padded):  # real numbers
        return Examples(inputs, Padded(targets.values, kept))
    return Examples(inputs, torch.where(kept, targets, task_tools.PADDING))
