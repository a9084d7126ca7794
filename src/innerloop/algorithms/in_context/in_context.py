"""Classification in context: a transformer reads the support and one query (Fifty et al.,
"Context-aware meta-learning", 2024)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.maps import width_of
from innerloop.layers.simplex import check_most_ways, simplex
from innerloop.layers.statistics import moments
from innerloop.layers.targets import real_rows, target_vectors
from innerloop.layers.transformer import Block
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task

SMALL = 0.1  #: weights of the layers that do not copy, before training


class Context(NamedTuple):
    """A support as a transformer reads it."""

    rows: Tensor  #: `(n, width)`
    mean: Tensor  #: of the features, `(d,)`
    real: Tensor  #: `(n,)` bool


class InContext(Algorithm):
    r"""Scores class k by :math:`e_k^T V h_0`, where :math:`h_0` is the query's row after a
    transformer has read the query's row :math:`[W N(x - m), u]` and the support's rows
    :math:`[W N(x_i - m), e_{y_i}]`.

    The label vectors e are not trained: unit vectors with the same angle between any two. u, the
    label of the query, is trained. m is the mean of the support's features, N is layer norm. Every
    query has a sequence of its own, and places have no encoding, so that the order of the support
    does not matter.

    Arguments:
        width, heads, layers: of the transformer; the width includes the label vectors.
        most_ways: number of label vectors, the most classes that a task may have. Train with as
            many classes as tests have: a label vector that no training task used means nothing.

    Shapes: features are `(n, d)`, a query's sequence `(n + 1, width)`, outputs `(queries, ways)`.

    Raises:
        UserError: if a task has more classes than `most_ways`, the width has no room for features
            beside the label vectors, or heads do not divide the width.

    Deviations: the authors' features are those of a frozen ViT, and their transformer is a ViT-L
    that starts from its weights for images; here it is small and starts as a copy of labels by
    similarity: keys equal queries, and values pass unchanged. Features are centred on the support,
    and W brings them to the width of the transformer. The authors train on exactly five classes,
    with a linear layer of five outputs in the place of :math:`e_k^T V`. Other names for the classes
    can change an answer, since the transformer has seen only some of their orders.

    References:
        Fifty, Duan, Junkins, Amid, Leskovec, Ré and Thrun, "Context-aware meta-learning", 2024.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = InContext(Network(MLP([4], hidden=[]), 2), Classification(2, 2))
        >>> support = Examples(torch.randn(2, 4), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, torch.randn(5, 4)).shape
        torch.Size([5, 2])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True

    labels: Tensor

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        width: int = 128,
        heads: int = 4,
        layers: int = 3,
        most_ways: int = 20,
    ) -> None:
        super().__init__(model, objective)
        check_most_ways(objective, most_ways)
        if width <= most_ways:
            raise UserError(
                f"algorithm.width={width} has no room for features beside the {most_ways} label "
                "vectors of algorithm.most_ways: give a larger width."
            )
        features = width_of(self.model.body)
        self.register_buffer("labels", simplex(most_ways), persistent=False)
        self.unknown = nn.Parameter(torch.zeros(most_ways))
        self.scale, self.entry = nn.LayerNorm(features), nn.Linear(features, width - most_ways)
        blocks = [_copying(Block(width, heads)) for _ in range(layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.exit = nn.LayerNorm(width), nn.Linear(width, most_ways)
        _shrink(self.exit)
        with torch.no_grad():  # the exit reads the labels that were copied
            self.exit.weight[:, -most_ways:] += torch.eye(most_ways)

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        features, real = task_tools.values(support.inputs), real_rows(support)
        mean = moments(features[None], real[None])[0].view(-1)
        labels = target_vectors(support, len(self.labels)) @ self.labels
        yield Context(self.rows(features - mean, labels), mean, real)

    def rows(self, features: Tensor, labels: Tensor) -> Tensor:
        """Centred features `(n, d)` and label vectors `(n, most_ways)` as rows `(n, width)`."""
        return torch.cat([self.entry(self.scale(features)), labels], 1)

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        features = task_tools.values(inputs) - adapted.mean
        query = self.rows(features, self.unknown.expand(len(features), -1))
        rows = torch.cat([query[:, None], adapted.rows.expand(len(query), -1, -1)], 1)
        real = torch.cat([torch.ones_like(adapted.real[:1]), adapted.real])
        for block in self.blocks:
            rows = block(rows, rows, real)
        ways = self.objective.classes(self.training) or 0
        return self.exit(self.norm(rows[:, 0])) @ self.labels[:ways].T


def _copying(block: Block) -> Block:
    """The layer, which starts as a copy of those rows that are like the reader."""
    attention = block.attention
    with torch.no_grad():
        nn.init.orthogonal_(attention.query.weight)
        attention.key.weight.copy_(attention.query.weight)
        for layer in (attention.value, attention.out):
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
    _shrink(block.feed[-1])
    return block


def _shrink(layer: nn.Module) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(SMALL)
