"""ANIL: adapt the head alone (Raghu et al., "Rapid learning or feature reuse? Towards understanding
the effectiveness of MAML", 2020)."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from innerloop import norm
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import SGD
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.maml import Adapted, positive_rate
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class ANIL(Algorithm):
    """MAML whose inner loop moves only the head; the support's features are computed once.

    Arguments:
        rate: inner learning rate.
    """

    def __init__(self, model: nn.Module, objective: Objective, rate: float, steps: int = 1) -> None:
        super().__init__(model, objective, steps)
        self.rate = positive_rate(rate)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        features = self.model.body(support.inputs)  # type: ignore[operator]
        head, statistics = dict(self.model.head.named_parameters()), self.statistics_of(support)  # type: ignore[union-attr]

        def loss(parameters: Parameters, features: Tensor, targets: Tensor) -> Tensor:
            return self.objective.loss(self._head(parameters, features), targets)

        given = (features, support.targets)
        for parameters in descend(loss, head, steps, SGD(self.rate), given=given):
            yield Adapted(parameters, statistics)

    def predict(self, adapted: Adapted, inputs: Any) -> Tensor:
        features = norm.with_support(self.model.body, inputs, adapted.statistics)
        return self._head(adapted.parameters, features)

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        head = {f"head.{name}": value for name, value in adapted.parameters.items()}
        return self.model.state_dict() | head

    def _head(self, parameters: Parameters, features: Tensor) -> Tensor:
        return self.call(self.model.head, parameters, features)  # type: ignore[arg-type]
