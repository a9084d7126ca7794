"""MetaOptNet: a convex problem as the last layer (Lee et al., "Meta-learning with differentiable
convex optimization", 2019); `metaoptnet_ridge` and `metaoptnet_svm` say which problem."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.distances import inner_products
from innerloop.layers.labels import one_hot, real_rows
from innerloop.objectives import Objective
from innerloop.objectives.smoothing import smoothed_cross_entropy
from innerloop.tasks import Examples, Inputs, Task


class MetaOptNet(Algorithm):
    r"""Outputs :math:`s\, f(x)^T W` with the weights W that a convex problem gives a task.

    The outer loop trains the body :math:`f` and the scale :math:`s` through the solution, by
    cross-entropy with smoothed labels. A subclass says the problem, in `solve`.

    Arguments:
        scale: :math:`s` at the start.
        smoothing: share of a query's label that goes to the other classes, in training only.

    Raises:
        UserError: for a smoothing outside 0..1.
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(
        self, model: nn.Module, objective: Objective, scale: float = 1.0, smoothing: float = 0.1
    ) -> None:
        super().__init__(model, objective)
        if not 0 <= smoothing < 1:
            raise UserError(
                f"algorithm.smoothing={smoothing}: a share of the label from 0 to below 1, such as "
                "0.1."
            )
        self.scale, self.smoothing = nn.Parameter(torch.tensor(float(scale))), smoothing

    def solve(self, features: Tensor, labels: Tensor) -> Tensor:
        """The weights W `(d, ways)` of one task.

        Arguments:
            features: of the support, `(n, d)`; 0 in rows of padding.
            labels: `(n, ways)` with a 1 for the class of each example; 0 in rows of padding.
        """
        raise NotImplementedError

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        features = real_rows(task_tools.values(support.inputs), support.targets)
        labels = one_hot(support.targets, self.objective.classes(self.training) or 0, features)
        yield self.solve(features, labels)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return self.scale * inner_products(task_tools.values(inputs), adapted)

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        (_, outputs) = next(self.trajectory(task, 0, progress, embedded=True))
        if self.smoothing == 0:
            return self.objective.loss(outputs, task.query.targets)
        return smoothed_cross_entropy(outputs, task.query.targets, self.smoothing)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"weight": adapted}
