"""Gradient descent along transformed gradients: a matrix for each mode of a parameter."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import SGD

Factors = tuple[Tensor, ...]  #: a square matrix for each mode of a parameter, or one vector


class Curved(NamedTuple):
    """Gradient descent along transformed gradients; the factors are by parameter."""

    rate: float
    factors: Mapping[str, Factors]

    def start(self, parameters: Parameters) -> tuple[()]:
        return ()

    def step(
        self,
        parameters: Parameters,
        gradient: Parameters,
        loss: Tensor,
        state: tuple[()],
        number: int,
    ) -> tuple[Parameters, tuple[()]]:
        turned = {k: transformed(gradient[k], factors) for k, factors in self.factors.items()}
        return SGD(self.rate).step(parameters, turned, loss, state, number)


def modes(parameter: Tensor) -> tuple[int, ...]:
    """The sizes of a parameter's modes: outputs, inputs, and the places of a filter together."""
    first, rest = parameter.shape[:2], parameter.shape[2:]
    return (*first, rest.numel()) if rest else tuple(first) or (1,)


def identity(parameter: Tensor) -> Factors:
    """Factors that leave a gradient as it is."""
    if parameter.dim() < 2:
        return (torch.ones_like(parameter),)
    return tuple(torch.eye(size).to(parameter) for size in modes(parameter))


def transformed(gradient: Tensor, factors: Factors) -> Tensor:
    """The gradient, multiplied by a matrix along each mode; a vector entry by entry.

    Example:
        >>> transformed(torch.ones(2, 2), (torch.diag(torch.tensor([1.0, 3.0])), torch.eye(2)))
        tensor([[1., 1.],
                [3., 3.]])
    """
    if gradient.dim() < 2:
        return factors[0] * gradient
    turned = gradient.reshape(modes(gradient))
    for matrix in factors:  # each turn moves the first mode to the end
        turned = torch.tensordot(turned, matrix, dims=([0], [1]))
    return turned.reshape(gradient.shape)
