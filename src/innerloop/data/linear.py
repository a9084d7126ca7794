"""Linear baselines of a regression task."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from innerloop.data.records import Record
from innerloop.tasks import Task

Answer = Callable[[Task], Tensor]


def mean_of_support(task: Task) -> Tensor:
    """The same answer to all queries."""
    return task.support.targets.mean(0).expand_as(task.query.targets)


def last_of_support(task: Task) -> Tensor:
    """The last target of the support."""
    return task.support.targets[-1].expand_as(task.query.targets)


def ridge_of_support(strength: float, columns: Sequence[int] | slice = slice(None)) -> Answer:
    r"""The minimum of :math:`\|Y - XW - b\|^2 + \lambda \|W\|^2` over the support.

    Arguments:
        strength: :math:`\lambda`.
        columns: the inputs that are used; by default all.
    """

    def answer(task: Task) -> Tensor:
        x, y = task.support.inputs[:, columns].double(), task.support.targets.double()
        weights = ridge(x - x.mean(0), y - y.mean(0), strength)
        queries = task.query.inputs[:, columns].double() - x.mean(0)
        return (queries @ weights + y.mean(0)).float()

    return answer


def pooled_ridge(records: Sequence[Record], strength: float = 1.0) -> Answer:
    """One linear map, fitted to deviations from each training record's means; the offset of a task
    is that of its support."""
    pairs = [(torch.from_numpy(r.inputs).double(), torch.from_numpy(r.targets).double())
             for r in records]  # fmt: skip
    x = torch.cat([inputs - inputs.mean(0) for inputs, _ in pairs])
    y = torch.cat([targets - targets.mean(0) for _, targets in pairs])
    weights = ridge(x, y, strength)

    def answer(task: Task) -> Tensor:
        support = task.support.inputs.double()
        offset = (task.support.targets.double() - support @ weights).mean(0)
        return (task.query.inputs.double() @ weights + offset).float()

    return answer


def ridge(x: Tensor, y: Tensor, strength: float) -> Tensor:
    """Weights `(d, t)` of ridge regression without an offset."""
    identity = torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(x.T @ x + strength * identity, x.T @ y)
