"""SNAIL: support and query are one sequence, read by convolutions and attention (Mishra et al., "A
simple neural attentive meta-learner", 2018)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.maps import width_of
from innerloop.layers.targets import real_rows, target_vectors
from innerloop.layers.temporal import CausalAttention, TemporalConvolutions
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class Sequence(NamedTuple):
    """The support in its order; rows that only fill up a batch come first."""

    rows: Tensor  #: `(n, features + outputs)`
    real: Tensor  #: `(n,)` bool


class SNAIL(Algorithm):
    r"""Answers a query at the end of the sequence :math:`(x_1, y_1), ..., (x_n, y_n), (x, 0)`.

    .. math:: \hat y = W \, (A_3 \circ T_2 \circ A_2 \circ T_1 \circ A_1)(x_{1:n}, y_{1:n}, x)_{n+1}

    T are dilated causal convolutions and A causal attention. Each appends to its input. x are the
    body's features. The order of the support matters.

    Arguments:
        length: of the longest sequence that the convolutions see whole, support and one query.
        filters: of each convolution.
        sizes: widths of keys and values of the three attentions.

    Shapes: features are `(n, d)`, a query's sequence `(n + 1, d + width)`, outputs
    `(queries, width)` with the width of the objective: ways, or the number of real targets.

    Raises:
        UserError: for a length below two, or without filters.

    Deviations: in the published code the number of convolutions is the natural logarithm of the
    sequence's length, rounded up; it is the binary one here, as in the paper. Queries and keys have
    no bias. Rows that only fill up a batch are moved in front of the sequence and stay zero.

    References:
        Mishra, Rohaninejad, Chen and Abbeel, "A simple neural attentive meta-learner", 2018.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = SNAIL(Network(MLP([4], hidden=[]), 2), Classification(2, 2), length=3)
        >>> support = Examples(torch.randn(2, 4), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, torch.randn(5, 4)).shape
        torch.Size([5, 2])
    """

    adapts_by_steps = False
    uses_head = False
    shuffling_changes = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        length: int = 26,
        filters: int = 128,
        sizes: tuple[tuple[int, int], ...] = ((64, 32), (256, 128), (512, 256)),
    ) -> None:
        super().__init__(model, objective)
        if length < 2 or filters < 1:
            raise UserError(
                f"algorithm.length={length}, algorithm.filters={filters}: a sequence is a support "
                "and one query, 2 or more, and a convolution has 1 filter or more."
            )
        self.outputs = objective.width
        width = width_of(self.model.body) + self.outputs
        self.layers = nn.ModuleList()
        for number, (keys, values) in enumerate(sizes):
            if number:
                self.layers.append(TemporalConvolutions(width, length, filters))
                width = width_of(self.layers[-1])
            self.layers.append(CausalAttention(width, keys, values))
            width = width_of(self.layers[-1])
        self.head = nn.Linear(width, self.outputs)

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        vectors = task_tools.values(support.inputs), target_vectors(support, self.outputs)
        rows, real = torch.cat(vectors, 1), real_rows(support)
        order = real.long().argsort(stable=True)  # False comes first
        yield Sequence(torch.where(real[order, None], rows[order], 0), real[order])

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        queries = F.pad(task_tools.values(inputs), (0, self.outputs))[:, None]
        support = adapted.rows.expand(len(queries), -1, -1)
        rows, real = torch.cat([support, queries], 1), F.pad(adapted.real, (0, 1), value=True)
        for layer in self.layers:
            rows = layer(rows, real)
        return self.head(rows[:, -1])
