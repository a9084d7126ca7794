"""Meta-SGD: learn the inner learning rates too (Li et al., "Meta-SGD: learning to learn quickly for
few-shot learning", 2017)."""

import torch
from torch import Tensor, nn

from innerloop.adaptation.rules import SGD, Rule
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML
from innerloop.objectives import Objective


class MetaSGD(MAML):
    r"""MAML with a learned rate for every weight:
    :math:`\varphi \leftarrow \varphi - \alpha \circ \nabla L_{support}(\varphi)`.

    Arguments:
        rate: what every entry of :math:`\alpha` starts from.
        steps: inner steps of training.
        first_order: treat inner gradients as constants.

    Shapes: as of `MAML`; :math:`\alpha` has the shapes of the parameters.

    Deviations: the paper draws the first rates from a small range; one value makes the first step
    MAML's.

    References:
        Li, Zhou, Chen and Li, "Meta-SGD: learning to learn quickly for few-shot learning", 2017.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = MetaSGD(Network(MLP([1]), outputs=1), Regression(), rate=0.01)
        >>> learner.learned_rates()["head.weight"].shape
        torch.Size([1, 40])
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

    def rule(self) -> Rule:
        return SGD(self.learned_rates())

    def learned_rates(self) -> dict[str, Tensor]:
        named = {k: key(k) for k, _ in self.model.named_parameters()}
        return {k: self.rates[entry] for k, entry in named.items() if entry in self.rates}


def key(name: str) -> str:
    """The name of a parameter's rates."""
    return name.replace(".", "/")  # a ParameterDict allows no dots
