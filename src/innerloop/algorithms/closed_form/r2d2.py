"""R2-D2: ridge regression as the last layer (Bertinetto et al., "Meta-learning with differentiable
closed-form solvers", 2019)."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.ridge import ridge, with_one
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.distances import inner_products
from innerloop.layers.labels import one_hot, real_rows
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class R2D2(Algorithm):
    r"""Outputs :math:`\alpha\,[f(x), 1]\, W` with the ridge regression of a task's labels,

    .. math:: W = \arg\min_W \tfrac1n |[f(X), 1]\, W - Y|^2 + \lambda |W|^2,

    where Y has a 1 for the class of each example. The outer loop trains the body :math:`f` and the
    scale :math:`\alpha` by cross-entropy, through the solution.

    Shapes: features are `(n, d)`, W is `(d + 1, ways)`, outputs `(queries, ways)`.

    References:
        Bertinetto, Henriques, Torr and Vedaldi, "Meta-learning with differentiable closed-form
        solvers", 2019.

    Deviations: as in the authors' code, n divides the error (the paper's formula has no n), the
    bias is a feature that is always 1 and is regularised too, and :math:`\lambda` stays at 50
    unless `learn_penalty`; the paper learns it. A shift common to all outputs, which paper and
    code learn as well, is left out: the softmax does not depend on it.

    Arguments:
        scale: :math:`\alpha` at the start; in the authors' code 10 for Omniglot, 0.0001 for
            miniImageNet.
        penalty: :math:`\lambda`, at the start if it is learned.
        learn_penalty: whether the outer loop trains the logarithm of :math:`\lambda`.

    Raises:
        UserError: for a penalty that is not positive.

    Example:
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = R2D2(Network(body, 2), Classification(2, 2))
        >>> support = Examples(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        >>> (weights,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(weights, support.inputs).argmax(1)
        tensor([0, 1])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        scale: float = 10.0,
        penalty: float = 50.0,
        learn_penalty: bool = False,
    ) -> None:
        super().__init__(model, objective)
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        log_penalty = torch.tensor(math.log(positive_penalty(penalty)))
        if learn_penalty:
            self.log_penalty = nn.Parameter(log_penalty)
        else:
            self.register_buffer("log_penalty", log_penalty)

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        features = real_rows(with_one(task_tools.values(support.inputs)), support.targets)
        labels = one_hot(support.targets, self.objective.classes(self.training) or 0, features)
        yield ridge(features, labels, labels.sum() * self.log_penalty.exp())

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return self.scale * inner_products(with_one(task_tools.values(inputs)), adapted)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"weight": adapted[:-1], "bias": adapted[-1]}


def positive_penalty(penalty: float) -> float:
    """`penalty`, which must be above zero."""
    if not penalty > 0:
        raise UserError(
            f"algorithm.penalty={penalty}: ridge regression on fewer examples than features has no "
            "single solution without a penalty above zero, such as 50."
        )
    return penalty
