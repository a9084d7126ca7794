"""A conditional neural process over sequences: a transformer reads each example place by place."""

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted
from innerloop.algorithms.in_context.cnp import CNP
from innerloop.errors import UserError
from innerloop.layers.maps import width_of
from innerloop.layers.targets import target_vectors
from innerloop.layers.transformer import Block
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class SequenceProcess(CNP):
    r"""A conditional neural process whose encoder and decoder are transformers over places.

    .. math:: r = \frac1n \sum_i h([x_{i1}, \dots, x_{i\ell}, y_{i1}, \dots, y_{i\ell}]), \qquad
        \hat y = g([x_1, \dots, x_\ell], r)

    Within an example, the places of input and target read each other; the summary r has a vector
    for each of them. The places of a query read each other and r, and each gives one place of the
    output. All places share their weights, so that what is learned at one holds at the others. All
    else is as in `CNP`.

    Arguments:
        places: of a sequence, :math:`\ell`: features and targets are cut into as many parts. With 1
            a row is one place.
        width, depth: of each transformer: numbers of a place, and layers.
        heads: of the attention; they divide the width.

    Shapes: features are `(n, places * d)`, the summary `(2 * places, width)`, outputs `(queries,
        places * t)`.

    Raises:
        UserError: if `places` does not divide the features and the outputs, or heads the width.

    Deviations: the paper's encoder and decoder are multilayer perceptrons over whole rows.

    References:
        Garnelo, Rosenbaum, Maddison, Ramalho, Saxton, Shanahan, Teh, Rezende and Eslami,
        "Conditional neural processes", 2018.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives.exact_match import ExactMatch
        >>> model = Network(MLP([6], hidden=[]), outputs=1)
        >>> learner = SequenceProcess(model, ExactMatch(3, 2), places=3, width=8, heads=2)
        >>> x = torch.eye(2)[torch.tensor([[0, 1, 0], [1, 1, 0]])].flatten(1)
        >>> (adapted,) = learner.adapt(Examples(x, x), steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, x).shape
        torch.Size([2, 6])
    """

    encoder: nn.ModuleList
    decoder: nn.ModuleList

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        places: int = 1,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__(model, objective, width, depth)
        features, self.places = width_of(self.model.body), places
        if places < 1 or features % places or self.outputs % places:
            raise UserError(
                f"algorithm.places={places}: give a number that divides both the {features} "
                f"features and the {self.outputs} outputs; 1 always does."
            )
        self.input = nn.Linear(features // places, width)
        self.target = nn.Linear(self.outputs // places, width)
        self.place = nn.Parameter(0.1 * torch.randn(2 * places, width))
        self.encoder = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.decoder = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = self._head(width)
        self.deviation = self._head(width) if self.deviation is not None else None

    def _head(self, width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(width, self.outputs // self.places), nn.Flatten(-2))

    def encode(self, support: Examples) -> Tensor:
        """Encoded examples `(n, 2 * places * width)`."""
        x, y = task_tools.values(support.inputs), target_vectors(support, self.outputs)
        parts = self.input(self._cut(x)), self.target(self._cut(y))
        rows = torch.cat(parts, 1) + self.place
        for block in self.encoder:
            rows = block(rows, rows)
        return rows.flatten(-2)

    def decode(self, adapted: Adapted, features: Tensor) -> Tensor:
        """The last hidden layer `(q, places, width)` for features `(q, places * d)`."""
        rows = self.input(self._cut(features)) + self.place[: self.places]
        summary = adapted.mean.unflatten(0, (2 * self.places, -1)).expand(len(features), -1, -1)
        for block in self.decoder:
            rows = block(rows, torch.cat([rows, summary], 1))
        return self.norm(rows)

    def _cut(self, rows: Tensor) -> Tensor:
        """Rows `(n, places * d)` as `(n, places, d)`."""
        return rows.unflatten(-1, (self.places, -1))
