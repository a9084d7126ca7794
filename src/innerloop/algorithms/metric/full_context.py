"""Full context embeddings: features that depend on the whole support (Vinyals et al. 2016)."""

import torch
from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.lstm import LSTMCell


class FullContext(nn.Module):
    r"""Reads the support along its order in both directions, and queries by attention to it.

    .. math:: g(x_i) = g'(x_i) + \overrightarrow{h}_i + \overleftarrow{h}_i

    A query starts with its feature :math:`h = f'(x)` and repeats K times: it attends to the support
    by :math:`\mathrm{softmax}_i(h \cdot g(x_i))`, and an LSTM reads its feature and what it saw;
    then :math:`h \leftarrow \mathrm{LSTM} + f'(x)`.

    Deviations: K is `reads`, where the common code takes the number of support images.

    Arguments:
        width: of the features.
        reads: K, 1 or more.

    Raises:
        UserError: for less than one read.
    """

    def __init__(self, width: int, reads: int) -> None:
        super().__init__()
        if reads < 1:
            raise UserError(f"algorithm.reads={reads}: a query reads the support 1 or more times.")
        self.reads = reads
        self.forwards, self.backwards = LSTMCell(width, width), LSTMCell(width, width)
        self.query = LSTMCell(2 * width, width)

    def of_support(self, features: Tensor, real: Tensor) -> Tensor:
        """The support's features `(n, width)` in context.

        Arguments:
            real: `(n,)` bool, False in rows of padding.
        """
        ahead = self.forwards.along(features, real)
        back = self.backwards.along(features.flip(0), real.flip(0)).flip(0)
        return features + ahead + back

    def of_queries(self, features: Tensor, support: Tensor, labels: Tensor) -> Tensor:
        """The queries' features `(queries, width)` in context.

        Arguments:
            support: features in context, `(n, width)`.
            labels: `(n, ways)`, rows of 0 for padding.
        """
        output, memory, real = features, torch.zeros_like(features), labels.sum(1) > 0
        for _ in range(self.reads):
            attention = torch.where(real, output @ support.T, -torch.inf).softmax(1)
            seen = torch.cat([features, attention @ support], 1)
            output, memory = self.query(seen, (output, memory))
            output = output + features
        return output
