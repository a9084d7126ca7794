"""Answers that one would try before learning: copies, the commonest output, plain enumeration."""

import torch
from torch import Tensor

from innerloop.languages.token_rows import TokenRows
from innerloop.tasks import Task


def copy(task: Task) -> Tensor:
    """Answers every query with its input."""
    return task.query.inputs


def commonest(task: Task) -> Tensor:
    """Answers every query with the commonest output of the support, the first one among equals."""
    targets = task.support.targets
    alike = (targets[:, None] == targets[None]).all(-1).sum(1)
    return targets[alike.argmax()].expand(len(task.query.inputs), -1)


def enumeration(
    tokens: TokenRows, task: Task, programs: int | None = None, seconds: float | None = None
) -> Tensor:
    """Answers by the shortest program that fits the support; zeros if none was found.

    Arguments:
        programs, seconds: limits of the search, see `innerloop.languages.enumeration.search`.
    """
    found = tokens.search(*task.support, programs=programs, seconds=seconds)
    inputs = task.query.inputs
    return torch.zeros_like(inputs) if found.term is None else tokens.run(found.term, inputs)
