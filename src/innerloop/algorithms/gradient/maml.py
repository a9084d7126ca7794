"""MAML: learn an initialisation from which a few gradient steps suffice (Finn, Abbeel and Levine,
"Model-agnostic meta-learning for fast adaptation of deep networks", 2017, algorithm 2)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, nn

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order, unrolled
from innerloop.adaptation.rules import SGD
from innerloop.adaptation.selection import in_full, moving
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.objectives import Objective
from innerloop.tasks import Examples

PARTS = {"all": "", "body": "body.", "head": "head."}


class Adapted(NamedTuple):
    """A model adapted to a task: all its parameters by name."""

    parameters: Parameters


class MAML(Algorithm):
    r"""Inner loop :math:`\varphi_{k+1} = \varphi_k - \alpha \nabla L_{support}(\varphi_k)` from
    :math:`\varphi_0 = \theta`; outer loop :math:`\min_\theta L_{query}(\varphi_K(\theta))`.

    Arguments:
        rate: inner learning rate.
        first_order: treat inner gradients as constants (section 5.2 of the paper).
        adapted: which part the inner loop moves: `all`; `body` is BOIL (Oh et al., "BOIL: towards
            representation change for few-shot learning", 2021); `head` is ANIL, which
            `innerloop.algorithms.gradient.anil` runs faster. Frozen and tied parameters:
            `innerloop.adaptation.selection`.

    Raises:
        UserError: if `rate` is not positive or `adapted` is none of the three.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        first_order: bool = False,
        adapted: str = "all",
    ) -> None:
        super().__init__(model, objective, steps)
        self.rate, self.first_order, self.adapted = positive_rate(rate), first_order, adapted
        if adapted not in PARTS:
            raise UserError(f"algorithm.adapted={adapted} is unknown: choose {', '.join(PARTS)}.")

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = moving(self.model, PARTS[self.adapted])
        fixed = {k: p for k, p in self.model.named_parameters() if k not in start}

        def loss(parameters: Parameters, fixed: Parameters, support: Examples) -> Tensor:
            outputs = self.call(self.model, fixed | parameters, support.inputs)
            return self.objective.loss(outputs, support.targets)

        gradient, given = first_order if self.first_order else unrolled, (fixed, support)
        for parameters in descend(loss, start, steps, self.rule(), gradient, given=given):
            yield Adapted(fixed | parameters)

    def predict(self, adapted: Adapted, inputs: Any) -> Tensor:
        return self.call(self.model, adapted.parameters, inputs)

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return in_full(self.model, adapted.parameters)

    @property
    def second_order(self) -> bool:
        return super().second_order and not self.first_order

    def rule(self) -> SGD:
        """How the inner loop descends."""
        return SGD(self.rate)


def positive_rate(rate: float) -> float:
    """`rate`, which must be above zero."""
    if not rate > 0:
        raise UserError(
            f"inner.rate={rate}: an inner loop descends with a rate above zero, such as 0.01."
        )
    return rate
