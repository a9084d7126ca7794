"""MetaOptNet with a support vector machine (Lee et al., "Meta-learning with differentiable convex
optimization", 2019)."""

import torch
from torch import Tensor, nn

from innerloop.adaptation.crammer_singer import crammer_singer
from innerloop.algorithms.closed_form.metaoptnet import MetaOptNet
from innerloop.errors import UserError
from innerloop.layers.distances import inner_products
from innerloop.objectives import Objective


class MetaOptNetSVM(MetaOptNet):
    r"""Outputs :math:`s\, f(x)^T W` with the weights of Crammer and Singer's multi-class support
    vector machine, :math:`W = f(X)^T \alpha`,

    .. math:: \min_\alpha \tfrac12 \sum_k \alpha_k^T (K + I)\, \alpha_k - \sum_i \alpha_{i y_i}
        \quad\text{with}\quad \alpha_{ik} \le C [k = y_i], \; \sum_k \alpha_{ik} = 0,

    where :math:`K = f(X) f(X)^T` is the kernel of the support.

    Shapes: features are `(n, d)`, :math:`\alpha` is `(n, ways)`, W `(d, ways)`, outputs
    `(queries, ways)`.

    References:
        Lee, Maji, Ravichandran and Soatto, "Meta-learning with differentiable convex optimization",
        2019. Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based
        vector machines", 2001.

    Deviations: as in the authors' code, the kernel of the problem is K + I, so that its solution
    is unique; the paper's is K. The problem is solved to full accuracy in float64, where the
    authors stop a solver in float32 after 15 iterations. They compute batch norm on each of four
    GPUs separately.

    Arguments:
        scale: :math:`s` at the start.
        smoothing: share of a query's label that goes to the other classes, in training only.
        cost: :math:`C`, the weight of an example that violates the margin.

    Raises:
        UserError: for a cost that is not positive.

    Example:
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> from innerloop.tasks import Examples
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = MetaOptNetSVM(Network(body, 2), Classification(2, 2), cost=10.0)
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (weights,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> weights.round(decimals=4).tolist()
        [[0.25, -0.25], [-0.25, 0.25]]
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        scale: float = 1.0,
        smoothing: float = 0.1,
        cost: float = 0.1,
    ) -> None:
        super().__init__(model, objective, scale, smoothing)
        if not cost > 0:
            raise UserError(
                f"algorithm.cost={cost}: a support vector machine needs a cost above zero for "
                "examples that violate the margin, such as 0.1."
            )
        self.cost = cost

    def solve(self, features: Tensor, labels: Tensor) -> Tensor:
        kernel = inner_products(features, features.T)
        identity = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
        return inner_products(features.T, crammer_singer(kernel + identity, labels, self.cost))
