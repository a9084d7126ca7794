"""Prototypical networks: a class is the mean of its support (Snell, Swersky and Zemel,
"Prototypical networks for few-shot learning", 2017)."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.layers.distances import class_means, squared_distances
from innerloop.tasks import Examples, Task


class ProtoNet(Algorithm):
    r"""Outputs :math:`-|f(x) - c_k|^2` with prototypes :math:`c_k`, the mean feature of class k.

    Uses the body alone and embeds support and query of all tasks in one forward pass.
    """

    adapts_by_steps = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def embed(self, tasks: Task) -> Task:
        return features_of(self.model.body, tasks)  # type: ignore[arg-type]

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield class_means(support, self.objective.classes(self.training) or 0)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"prototypes": adapted}

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return -squared_distances(inputs, adapted)
