"""How to descend: one step from parameters and their gradient, as pure functions."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from innerloop.adaptation.gradients import Parameters

State = TypeVar("State")
Rate = float | Mapping[str, Tensor]


class Rule(Protocol[State]):
    """An optimizer without hidden state."""

    def start(self, parameters: Parameters) -> State:
        """The state before the first step, a tree of tensors."""

    def step(
        self, parameters: Parameters, gradient: Parameters, loss: Tensor, state: State, number: int
    ) -> tuple[Parameters, State]:
        """The parameters and the state after one step.

        Arguments:
            gradient: of the loss for the parameters.
            loss: its value, a scalar, which learned optimizers look at.
            number: of the step, from 0.
        """


class SGD(NamedTuple):
    r""":math:`\theta_p \leftarrow \theta_p - \alpha_p \nabla_p`.

    `rate` is a number, or a tensor for each parameter by name.
    """

    rate: Rate

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
        rate = self.rate
        if isinstance(rate, Mapping):
            return {k: p - rate[k] * gradient[k] for k, p in parameters.items()}, ()
        return {k: p - rate * gradient[k] for k, p in parameters.items()}, ()


class StepSGD(NamedTuple):
    r""":math:`\theta_p \leftarrow \theta_p - \alpha_{p,k} \nabla_p` in step :math:`k`.

    `rates` has a tensor `(steps,)` for each parameter by name; the last rate of each serves any
    step beyond it.
    """

    rates: Mapping[str, Tensor]

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
        now = {k: of_step(rates, number) for k, rates in self.rates.items()}
        return SGD(now).step(parameters, gradient, loss, state, number)


def of_step(values: Tensor, number: int) -> Tensor:
    """The entry of `values` `(steps,)` for a step; the last one for any step beyond."""
    return values[min(number, len(values) - 1)]


class Adam(NamedTuple):
    """Adam (Kingma and Ba 2015); `momentum=0`, as in Reptile, keeps only the second moment."""

    rate: float
    momentum: float = 0.9
    decay: float = 0.999
    eps: float = 1e-8

    def start(self, parameters: Parameters) -> tuple[Parameters, Parameters]:
        zeros = {k: torch.zeros_like(p) for k, p in parameters.items()}
        return zeros, zeros

    def step(
        self,
        parameters: Parameters,
        gradient: Parameters,
        loss: Tensor,
        state: tuple[Parameters, Parameters],
        number: int,
    ) -> tuple[Parameters, tuple[Parameters, Parameters]]:
        first, second = state
        first = {k: self.momentum * m + (1 - self.momentum) * gradient[k] for k, m in first.items()}
        second = {
            k: self.decay * v + (1 - self.decay) * gradient[k] ** 2 for k, v in second.items()
        }
        taken = number + 1
        a, b = 1 - self.momentum**taken, 1 - self.decay**taken
        moved = {
            k: p - self.rate * (first[k] / a) / ((second[k] / b).sqrt() + self.eps)
            for k, p in parameters.items()
        }
        return moved, (first, second)
