"""What the processes of one run do together."""

from typing import Any

import torch
from torch import Tensor, distributed


def count() -> int:
    """How many processes the run has."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes, through which gradients pass to all of them.

    Its gradient is that of the sum of all processes' losses, as each has a share in every other's.
    """
    return _Sum.apply(value) / count() if count() > 1 else value


def largest(value: int, device: torch.device) -> int:
    """The largest of the processes' numbers, in each of them."""
    if count() == 1:
        return value
    found = torch.tensor(value, device=device)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return int(found)


def tells_of_a_loss(error: RuntimeError) -> bool:
    """Whether an error of a collective says that another process is gone or does not answer."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error)  # whose are plain


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> Tensor:
        return _Sum.apply(*slopes)
