"""Rules of descent that are learned: one small network moves every number of the parameters."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from innerloop.adaptation.gradients import Parameters

Memory = tuple[Tensor, ...]  #: of all numbers, `(n, ...)` each


class CoordinateNetwork(nn.Module):
    """A network that moves `n` numbers, each by itself, with the same weights."""

    def start(self, numbers: Tensor) -> Memory:
        """Its memory before the first step on numbers `(n,)`."""
        raise NotImplementedError

    def forward(
        self, numbers: Tensor, slopes: Tensor, loss: Tensor, memory: Memory
    ) -> tuple[Tensor, Memory]:
        """The numbers and the memory after one step.

        Arguments:
            numbers: `(n,)`.
            slopes: the derivatives of the loss for them, `(n,)`.
            loss: a scalar.
        """
        raise NotImplementedError


class Learned(NamedTuple):
    """A rule that asks a network; its weights are part of the rule, so that gradients reach them.

    Example:
        >>> class Halving(CoordinateNetwork):
        ...     def start(self, numbers):
        ...         return ()
        ...     def forward(self, numbers, slopes, loss, memory):
        ...         return numbers / 2, memory
        >>> values = {"a": torch.ones(2), "b": torch.ones(1, 1)}
        >>> moved, _ = Learned(Halving(), {}).step(values, values, torch.tensor(0.0), (), 0)
        >>> moved
        {'a': tensor([0.5000, 0.5000]), 'b': tensor([[0.5000]])}
    """

    network: CoordinateNetwork
    weights: Parameters

    def start(self, parameters: Parameters) -> Memory:
        return self.network.start(_joined(parameters))

    def step(
        self, parameters: Parameters, gradient: Parameters, loss: Tensor, state: Memory, number: int
    ) -> tuple[Parameters, Memory]:
        slopes = _joined({name: gradient[name] for name in parameters})
        inputs = (_joined(parameters), slopes, loss, state)
        numbers, state = functional_call(self.network, self.weights, inputs)
        parts = numbers.split([p.numel() for p in parameters.values()])
        moved = zip(parameters.items(), parts, strict=True)
        return {name: part.view_as(p) for (name, p), part in moved}, state


def log_and_sign(values: Tensor, p: float = 10.0) -> Tensor:
    r"""Numbers of any size as two features of moderate size (Andrychowicz et al. 2016, appendix A).

    .. math:: x \mapsto \begin{cases} (\log|x| / p, \operatorname{sign} x) & |x| \ge e^{-p} \\
        (-1, e^p x) & \text{otherwise} \end{cases}

    Arguments:
        values: `(n,)`; the result is `(n, 2)`.

    Example:
        >>> log_and_sign(torch.tensor([-1.0, 0.0]))
        tensor([[ 0., -1.],
                [-1.,  0.]])
    """
    size = values.abs().clamp(min=math.exp(-p)).log() / p
    return torch.stack([size, (values * math.exp(p)).clamp(-1, 1)], -1)


def _joined(parameters: Parameters) -> Tensor:
    return torch.cat([parameter.reshape(-1) for parameter in parameters.values()])
