"""Gives the meta-gradient to the parameters, for the outer optimizer."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def assign(parameters: Mapping[str, nn.Parameter], gradient: Mapping[str, Tensor]) -> None:
    """Sets the gradient of every trained parameter.

    Arguments:
        parameters: the trained ones, by name.
        gradient: of the shape of each, by its name.
    """
    for name, parameter in parameters.items():
        slope = gradient[name]
        # Fused optimizers assume that a gradient has the memory layout of its parameter.
        same = slope.stride() == parameter.stride()
        parameter.grad = slope if same else torch.empty_like(parameter).copy_(slope)


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that the outer loop improves, by name."""
    return {k: p for k, p in module.named_parameters() if p.requires_grad}


def surrogate(module: nn.Module, gradient: Mapping[str, Tensor]) -> Tensor:
    r"""A scalar with the given gradient, :math:`\sum_i \langle \theta_i, g_i \rangle`.

    Its backward pass goes through DDP, which averages the gradients of the processes.

    Arguments:
        gradient: of the shape of each parameter, by its name.
    """
    trained = [(p, gradient[name]) for name, p in module.named_parameters() if p.requires_grad]
    return torch.stack([(p * g).sum() for p, g in trained]).sum()


def norm(module: nn.Module) -> Tensor:
    """The Euclidean norm of all gradients of a module together."""
    return nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
