"""Descent whose rates and weight decays come from a small network, in each step anew."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import of_step


class GeneratedSGD(NamedTuple):
    r""":math:`\theta_p \leftarrow (1 - b_p \beta_{p,k}) \theta_p - a_p \alpha_{p,k} \nabla_p`, with
    :math:`(a, b)` from a generator that reads the means of all parameters and gradients.

    Arguments:
        generator: from `(2 n,)` means to `(2 n,)` factors, for n parameters.
        weights: of the generator, by name.
        rates: :math:`\alpha`, `(steps,)` for each parameter.
        decays: :math:`\beta`, `(steps,)` for each parameter.
        present: `(classes,)` whose rows of the head count; None for all.
    """

    generator: nn.Module
    weights: Parameters
    rates: Mapping[str, Tensor]
    decays: Mapping[str, Tensor]
    present: Tensor | None = None

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
        means = [self._mean(k, v) for part in (parameters, gradient) for k, v in part.items()]
        factors = functional_call(self.generator, self.weights, (torch.stack(means),))
        moved = {}
        for name, a, b in zip(parameters, *factors.chunk(2), strict=True):
            rate = a * of_step(self.rates[name], number)
            decay = b * of_step(self.decays[name], number)
            moved[name] = (1 - decay) * parameters[name] - rate * gradient[name]
        return moved, ()

    def _mean(self, name: str, values: Tensor) -> Tensor:
        """The mean of a parameter; of the head, over the rows of the task's classes."""
        if self.present is None or not name.startswith("head.") or len(values) != len(self.present):
            return values.mean()
        rows = values.flatten(1).mean(1) if values.dim() > 1 else values
        return torch.where(self.present, rows, 0.0).sum() / self.present.sum()
