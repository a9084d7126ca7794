"""Attention of rows to other rows, from plain operations: they run for many tasks side by side and
can be differentiated twice."""

import math

from torch import Tensor, nn

from innerloop.errors import UserError


def attend(queries: Tensor, keys: Tensor, values: Tensor, allowed: Tensor | None = None) -> Tensor:
    r"""Scaled dot-product attention, :math:`\mathrm{softmax}(Q K^T / \sqrt{d}) V`.

    Arguments:
        queries: `(..., n, d)`.
        keys, values: `(..., m, d)` and `(..., m, e)`.
        allowed: which of the m rows count, `(m,)` or `(n, m)` bool; at least one for each query.

    Returns `(..., n, e)`.

    Example:
        >>> import torch
        >>> rows = torch.tensor([[1.0], [3.0]])
        >>> attend(torch.zeros(1, 1), rows, rows)  # all keys are equally near
        tensor([[2.]])
    """
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(keys.shape[-1])
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    return scores.softmax(-1) @ values


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al., "Attention is all you need", 2017, section 3.2.2).

    Queries and keys are projected without a bias.

    Arguments:
        width: of the rows.
        heads: parts into which the rows are divided, each with its own attention.

    Raises:
        UserError: if the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise UserError(
                f"algorithm.width={width}, algorithm.heads={heads}: each head of an attention has "
                "an equal part of the width, such as 4 heads of a width of 64."
            )
        self.heads = heads
        self.query, self.key = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.value, self.out = (nn.Linear(width, width) for _ in range(2))

    def forward(
        self, rows: Tensor, keys: Tensor, values: Tensor, allowed: Tensor | None = None
    ) -> Tensor:
        """What rows `(..., n, width)` read in others `(..., m, width)`; masked as in `attend`."""
        parts = self.query(rows), self.key(keys), self.value(values)
        query, key, value = (p.unflatten(-1, (self.heads, -1)).transpose(-3, -2) for p in parts)
        read = attend(query, key, value, allowed)
        return self.out(read.transpose(-3, -2).flatten(-2))


class Block(nn.Module):
    r"""A transformer layer: :math:`x' = x + A(N(x), N(z))`, then :math:`x' + F(N'(x'))`.

    N is layer norm, A is attention to rows z, and F has one hidden layer of four times the width.

    Arguments:
        width, heads: see `Attention`.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        hidden = 4 * width
        self.feed = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, rows: Tensor, others: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Rows `(..., n, width)` that read others `(..., m, width)`; `allowed` as in `attend`."""
        read = self.first_norm(others)
        rows = rows + self.attention(self.first_norm(rows), read, read, allowed)
        return rows + self.feed(self.second_norm(rows))
