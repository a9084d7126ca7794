"""Attentive neural processes: each query reads the examples that are near it (Kim et al.,
"Attentive neural processes", 2019)."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted
from innerloop.algorithms.in_context.cnp import CNP
from innerloop.layers.maps import width_of
from innerloop.layers.perceptron import perceptron
from innerloop.layers.targets import real_rows
from innerloop.layers.transformer import Attention
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class Context(NamedTuple):
    """The examples of a support, as a query reads them."""

    keys: Tensor  #: `(n, width)`, from the inputs alone
    values: Tensor  #: `(n, width)`, from inputs and targets
    real: Tensor  #: `(n,)` bool


class ANP(CNP):
    r"""A conditional neural process with a summary of its own for each query x:

    .. math:: r(x) = \sum_i w_i(x) \, h(x_i, y_i), \qquad
        w(x) = \mathrm{softmax}_i \left( k(x)^T k(x_i) / \sqrt{d} \right)

    with several heads, and learned projections of k and h in each. All else is as in `CNP`, with
    its bound :math:`\sigma > 0.1`.

    Arguments:
        width, depth: see `CNP`.
        heads: of the attention; they divide the width.

    Shapes: features are `(n, d)`, keys and values `(n, width)`, outputs `(queries, ways)`, or
    `(queries, t)` for t real targets.

    Raises:
        UserError: if the heads do not divide the width.

    Deviations: this is the paper's deterministic path alone. Its latent path, a random variable of
    the whole task that the evidence bound trains, and the attention of the support to itself are
    left out. The paper has no classification.

    References:
        Kim, Mnih, Schwarz, Garnelo, Eslami, Rosenbaum, Vinyals and Teh, "Attentive neural
        processes", 2019.

    Example:
        >>> import torch
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = ANP(Network(MLP([1], hidden=[]), outputs=1), Regression())
        >>> x = torch.linspace(-1, 1, 5)[:, None]
        >>> (adapted,) = learner.adapt(Examples(x, x.sin()), steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, x).shape
        torch.Size([5, 1])
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        width: int = 128,
        depth: int = 3,
        heads: int = 8,
    ) -> None:
        super().__init__(model, objective, width, depth)
        self.key = perceptron(width_of(self.model.body), width, width)
        self.attention = Attention(width, heads)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        keys = self.key(task_tools.values(support.inputs))
        yield Context(keys, self.encode(support), real_rows(support))

    def read(self, adapted: Adapted, features: Tensor) -> Tensor:
        return self.attention(self.key(features), adapted.keys, adapted.values, adapted.real)
