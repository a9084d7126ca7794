"""ANIL: adapt the head alone (Raghu et al., "Rapid learning or feature reuse? Towards understanding
the effectiveness of MAML", 2020)."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import SGD
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML, Adapted
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class ANIL(MAML):
    """MAML whose inner loop moves only the head; the support's features are computed once.

    Where the head shares weights with the body, the features change with it, and every step
    computes them anew.

    Arguments:
        rate: inner learning rate.
    """

    def __init__(self, model: nn.Module, objective: Objective, rate: float, steps: int = 1) -> None:
        super().__init__(model, objective, rate, steps, adapted="head")

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = moving(self.model, "head.")
        if not start.keys().isdisjoint(moving(self.model, "body.")):
            yield from super().adapt(support, steps, progress)
            return
        features = self.model.body(support.inputs)  # type: ignore[operator]
        fixed = {k: p for k, p in self.model.named_parameters() if k not in start}

        def loss(
            parameters: Parameters, fixed: Parameters, features: Tensor, targets: Tensor
        ) -> Tensor:
            return self.objective.loss(self._head(fixed | parameters, features), targets)

        given = (fixed, features, support.targets)
        for parameters in descend(loss, start, steps, SGD(self.rate), given=given):
            yield Adapted(fixed | parameters)

    def _head(self, parameters: Parameters, features: Any) -> Tensor:
        own = {k.removeprefix("head."): p for k, p in parameters.items() if k.startswith("head.")}
        return self.call(self.model.head, own, features)  # type: ignore[arg-type]
