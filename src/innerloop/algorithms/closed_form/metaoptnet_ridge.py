"""MetaOptNet with ridge regression (Lee et al., "Meta-learning with differentiable convex
optimization", 2019)."""

from torch import Tensor, nn

from innerloop.adaptation.ridge import ridge
from innerloop.algorithms.closed_form.metaoptnet import MetaOptNet
from innerloop.algorithms.closed_form.r2d2 import positive_penalty
from innerloop.objectives import Objective


class MetaOptNetRidge(MetaOptNet):
    r"""Outputs :math:`s\, f(x)^T W` with the ridge regression of a task's labels,

    .. math:: W = \arg\min_W |f(X)\, W - Y|^2 + \lambda |W|^2.

    Shapes: features are `(n, d)`, W is `(d, ways)`, outputs `(queries, ways)`.

    References:
        Lee, Maji, Ravichandran and Soatto, "Meta-learning with differentiable convex optimization",
        2019. R2-D2 by another name: its error is a sum here, a mean there, and there is no bias.

    Deviations: the authors' code hands the same problem to a solver of quadratic programmes; here
    it is solved in closed form. Their labels have twice the weight, which is why the scale starts
    at 2 and not at 1. They compute batch norm on each of four GPUs separately.

    Arguments:
        scale: :math:`s` at the start.
        smoothing: share of a query's label that goes to the other classes, in training only.
        penalty: :math:`\lambda`.

    Raises:
        UserError: for a penalty that is not positive.

    Example:
        >>> import torch
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> from innerloop.tasks import Examples
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = MetaOptNetRidge(Network(body, 2), Classification(2, 2), penalty=1.0)
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (weights,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> weights.round(decimals=4).tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        scale: float = 2.0,
        smoothing: float = 0.1,
        penalty: float = 50.0,
    ) -> None:
        super().__init__(model, objective, scale, smoothing)
        self.penalty = positive_penalty(penalty)

    def solve(self, features: Tensor, labels: Tensor) -> Tensor:
        return ridge(features, labels, self.penalty)
