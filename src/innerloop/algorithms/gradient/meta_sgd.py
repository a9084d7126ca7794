"""Meta-SGD: learn the inner learning rates too (Li et al., "Meta-SGD: learning to learn quickly for
few-shot learning", 2017)."""

import torch
from torch import Tensor, nn

from innerloop.adaptation.rules import SGD
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML
from innerloop.objectives import Objective


class MetaSGD(MAML):
    r"""MAML with a learned rate for every weight:
    :math:`\varphi \leftarrow \varphi - \alpha \circ \nabla L_{support}(\varphi)`.

    Arguments:
        rate: what every entry of :math:`\alpha` starts from. The paper draws them from a small
            range; one value makes the first step MAML's.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        first_order: bool = False,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order)
        self.rates = nn.ParameterDict(
            {key(k): torch.full_like(p, rate) for k, p in moving(self.model).items()}
        )

    def rule(self) -> SGD:
        return SGD(self.learned_rates())

    def learned_rates(self) -> dict[str, Tensor]:
        named = {k: key(k) for k, _ in self.model.named_parameters()}
        return {k: self.rates[entry] for k, entry in named.items() if entry in self.rates}


def key(name: str) -> str:
    """The name of a parameter's rates."""
    return name.replace(".", "/")  # a ParameterDict allows no dots
