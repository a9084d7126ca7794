"""Causal layers on sequences: an output sees its own place and earlier ones, and none after it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop.layers.transformer import attend


class CausalAttention(nn.Module):
    """Attention to the same and earlier places, whose result is appended to each row.

    Arguments:
        inputs: width of the rows.
        keys: width of queries and keys.
        values: width of what is appended.
    """

    def __init__(self, inputs: int, keys: int, values: int) -> None:
        super().__init__()
        self.query, self.key = (nn.Linear(inputs, keys, bias=False) for _ in range(2))
        self.value = nn.Linear(inputs, values)
        self.width = inputs + values

    def forward(self, rows: Tensor, real: Tensor) -> Tensor:
        """Rows `(..., n, inputs)` to `(..., n, width)`.

        Arguments:
            real: `(n,)` which of them count; others are not seen, and become zero.
        """
        itself = torch.eye(rows.shape[-2], dtype=torch.bool, device=rows.device)
        allowed = (real | itself) & torch.ones_like(itself).tril()
        read = attend(self.query(rows), self.key(rows), self.value(rows), allowed)
        return torch.where(real[:, None], torch.cat([rows, read], -1), 0)


class DenseConvolution(nn.Module):
    r"""A causal convolution of two places, :math:`t` and :math:`t - d`, whose result is appended.

    .. math:: y_t = \tanh(W_f [x_t, x_{t-d}]) \odot \mathrm{sigmoid}(W_g [x_t, x_{t-d}])

    Arguments:
        inputs: width of the rows.
        dilation: :math:`d`; before the first place, all is zero.
        filters: width of what is appended.
    """

    def __init__(self, inputs: int, dilation: int, filters: int) -> None:
        super().__init__()
        self.dilation, self.width = dilation, inputs + filters
        self.both = nn.Linear(2 * inputs, 2 * filters)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows `(..., n, inputs)` to `(..., n, width)`."""
        earlier = F.pad(rows, (0, 0, self.dilation, 0))[..., : rows.shape[-2], :]
        candidate, gate = self.both(torch.cat([rows, earlier], -1)).chunk(2, -1)
        return torch.cat([rows, candidate.tanh() * gate.sigmoid()], -1)


class TemporalConvolutions(nn.Module):
    """Dense convolutions with dilations 1, 2, 4, ... until an output sees a whole sequence.

    Arguments:
        inputs: width of the rows.
        length: rows of a sequence.
        filters: of each convolution.
    """

    def __init__(self, inputs: int, length: int, filters: int) -> None:
        super().__init__()
        depth = max(1, (length - 1).bit_length())
        self.layers = nn.ModuleList(
            DenseConvolution(inputs + i * filters, 2**i, filters) for i in range(depth)
        )
        self.width = inputs + depth * filters

    def forward(self, rows: Tensor, real: Tensor) -> Tensor:
        """As `CausalAttention.forward`; rows that do not count come first, and are zero in front of
        each layer, as the places before the first are."""
        for layer in self.layers:
            rows = torch.where(real[:, None], layer(rows), 0)
        return rows
