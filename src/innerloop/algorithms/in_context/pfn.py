"""Prior-fitted network: a transformer that has seen many tables answers for a new one (Müller et
al., "Transformers can do Bayesian inference", 2022)."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.features import features_of
from innerloop.layers.maps import width_of
from innerloop.layers.simplex import check_most_ways
from innerloop.layers.statistics import moments
from innerloop.layers.targets import real_rows, target_vectors
from innerloop.layers.transformer import Block
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class Table(NamedTuple):
    """A support as queries read it."""

    states: tuple[Tensor, ...]  #: its rows in front of each layer, `(n, width)`
    mean: Tensor  #: of each feature, `(d,)`
    deviation: Tensor  #: of each feature, `(d,)`
    real: Tensor  #: `(n,)` bool


class PFN(Algorithm):
    r"""Approximates :math:`p(y \mid x, D)`, for tasks drawn from a prior, by a transformer q.

    .. math:: \min_\theta \; E_{(D, x, y) \sim \mathrm{prior}} \left[ -\log q_\theta(y \mid x, D)
        \right]

    Rows of the support read each other, and queries read the support and nothing else: the support
    is read once for all queries. Features are scaled to mean 0 and deviation 1 over the support.

    Arguments:
        width, heads, layers: of the transformer.
        most_ways: the most classes that a task may have. Train with as many classes as tests have:
            the output of a class that no training task had means nothing.

    Shapes: features are `(n, d)`, rows `(n, width)`, outputs `(queries, ways)`.

    Raises:
        UserError: if a task has more classes than `most_ways`, or heads do not divide the width.

    Deviations: in the paper a query reads itself too, layer norm comes after each sum, and the
    number of features of a task scales them up. Labels are encoded by a vector for each class; the
    authors encode class numbers as real numbers. TabPFN moreover averages over orders of features
    and names of classes.

    References:
        Müller, Hollmann, Pineda Arango, Grabocka and Hutter, "Transformers can do Bayesian
        inference", 2022. Hollmann, Müller, Eggensperger and Hutter, "TabPFN: a transformer that
        solves small tabular classification problems in a second", 2023.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = PFN(Network(MLP([4], hidden=[]), 2), Classification(2, 2))
        >>> support = Examples(torch.randn(2, 4), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, torch.randn(5, 4)).shape
        torch.Size([5, 2])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        width: int = 64,
        heads: int = 4,
        layers: int = 4,
        most_ways: int = 10,
    ) -> None:
        super().__init__(model, objective)
        check_most_ways(objective, most_ways)
        self.most_ways = most_ways
        self.entry = nn.Linear(width_of(self.model.body), width)
        self.label = nn.Linear(most_ways, width, bias=False)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.exit = nn.LayerNorm(width), nn.Linear(width, most_ways)

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        features, real = task_tools.values(support.inputs), real_rows(support)
        mean, variance = (m.view(-1) for m in moments(features[None], real[None]))
        deviation, states = (variance + 1e-5).sqrt(), []
        rows = self.entry((features - mean) / deviation)
        rows = rows + self.label(target_vectors(support, self.most_ways))
        for block in self.blocks:
            states.append(rows)
            rows = block(rows, rows, real)
        yield Table(tuple(states), mean, deviation, real)

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        rows = self.entry((task_tools.values(inputs) - adapted.mean) / adapted.deviation)
        for block, support in zip(self.blocks, adapted.states, strict=True):
            rows = block(rows, support, adapted.real)
        ways = self.objective.classes(self.training) or 0
        return self.exit(self.norm(rows))[:, :ways]
