"""Collective operations of the processes of one run."""

import torch
from torch import Tensor, distributed
from torch.autograd.function import FunctionCtx


def count() -> int:
    """Number of processes of the run."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes; gradients flow to all of them.

    Its gradient is that of the sum of the losses of all processes, since each loss depends on the
    values of every process.

    Arguments:
        value: this process's tensor, of the same shape in all processes.
    """
    return _Sum.apply(value) / count() if count() > 1 else value


def largest(value: int, device: torch.device) -> int:
    """The largest of the processes' numbers, returned in each process.

    Arguments:
        value: this process's number.
        device: where the processes exchange tensors.
    """
    if count() == 1:
        return value
    maximum = torch.tensor(value, device=device)
    distributed.all_reduce(maximum, distributed.ReduceOp.MAX)
    return int(maximum)


def lost_a_process(error: RuntimeError) -> bool:
    """Whether an error of a collective means that another process has ended or does not answer."""
    # Errors of gloo have no class of their own.
    return isinstance(error, distributed.DistError) or "gloo" in str(error)


class _Sum(torch.autograd.Function):
    """The sum over the processes. The gradient of each term is the sum of all gradients."""

    @staticmethod
    def forward(context: FunctionCtx, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: FunctionCtx, *gradients: Tensor) -> Tensor:
        return _Sum.apply(*gradients)
