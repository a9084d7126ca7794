"""Targets as vectors, for networks that read a support."""

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.tasks import Examples, Padded


def target_vectors(examples: Examples, width: int) -> Tensor:
    """Labels as rows `(n, width)` with a 1 in the place of the class; real targets as they are.

    Rows that only fill up a batch are 0 for labels.

    Arguments:
        examples: `n` examples with features as inputs, whose type the result has.
        width: number of classes, or of real targets.

    Example:
        >>> target_vectors(Examples(torch.zeros(2, 4), torch.tensor([1, 0])), 3)
        tensor([[0., 1., 0.],
                [1., 0., 0.]])
    """
    targets: Tensor = task_tools.values(examples.targets)
    if targets.is_floating_point():
        return targets.reshape(len(targets), width)
    classes = torch.arange(width, device=targets.device)
    features: Tensor = task_tools.values(examples.inputs)
    return (targets[:, None] == classes).to(features.dtype)


def real_rows(examples: Examples) -> Tensor:
    """`(n,)` bool: which rows do not only fill up a batch."""
    if isinstance(examples.inputs, Padded):
        return examples.inputs.real
    n = task_tools.count(examples)
    return torch.ones(n, dtype=torch.bool, device=examples.targets.device)
