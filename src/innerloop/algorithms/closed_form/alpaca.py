"""ALPaCA: Bayesian linear regression on learned features (Harrison, Sharma and Pavone, 2018)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.ridge import ridge, with_one
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.distances import inner_products
from innerloop.layers.maps import width_of
from innerloop.layers.targets import real_rows, target_vectors
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class ALPaCA(Algorithm):
    r"""Outputs :math:`\phi(x) W` with the posterior mean of the last layer, whose prior is learned,

    .. math:: W = W_0 + \arg\min_V |Y - \phi(X) (W_0 + V)|^2 + |\Lambda^{1/2} V|^2,

    where :math:`\phi(x) = [f(x), 1]`. The outer loop trains the body :math:`f`, the prior's mean
    :math:`W_0` (the model's head) and its diagonal precision :math:`\Lambda`. Without support the
    answer is the prior's, so that a task moves only what its examples speak about.

    Shapes: features are `(n, d)`; for k classes or targets W is `(d + 1, k)`, and outputs are
    `(queries, k)`.

    References:
        Harrison, Sharma and Pavone, "Meta-learning priors for efficient online Bayesian
        regression", 2018.

    Deviations: the paper trains by the likelihood of the predictive distribution, with a full
    :math:`\Lambda`; here the objective's loss of its mean trains it, and :math:`\Lambda` is
    diagonal. The noise has variance 1, because only its ratio to the prior's matters for the mean.
    With classes, labels are vectors with a 1 in the place of the class, and outputs are logits.

    Arguments:
        precision: of the prior, at the start, as a multiple of one example with features of size 1.

    Raises:
        UserError: for a precision that is not positive.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = ALPaCA(Network(MLP([1], hidden=[]), outputs=1), Regression(), precision=1e-4)
        >>> x = torch.tensor([[-1.0], [0.0], [1.0]])
        >>> (weights,) = learner.adapt(Examples(x, 2 * x + 3), steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(weights, torch.tensor([[5.0]])).round(decimals=1)
        tensor([[13.]], grad_fn=<RoundBackward1>)
    """

    adapts_by_steps = False

    def __init__(self, model: nn.Module, objective: Objective, precision: float = 1.0) -> None:
        super().__init__(model, objective)
        if not precision > 0:
            raise UserError(f"algorithm.precision={precision}: give a number above zero.")
        start = torch.full((width_of(self.model.body) + 1,), float(precision)).log()
        self.log_precision = nn.Parameter(start)

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        real = real_rows(support)[:, None]
        features = torch.where(real, with_one(task_tools.values(support.inputs)), 0)
        head = self.model.head
        assert isinstance(head, nn.Linear)
        prior = torch.cat([head.weight, head.bias[:, None]], 1).T
        targets = target_vectors(support, self.objective.width)
        missing = torch.where(real, targets - features @ prior, 0)
        scale = (-0.5 * self.log_precision).exp()  # after it, every weight has precision 1
        yield prior + scale[:, None] * ridge(features * scale, missing, 1.0)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return inner_products(with_one(task_tools.values(inputs)), adapted)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"weight": adapted[:-1], "bias": adapted[-1]}
