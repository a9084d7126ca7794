"""Self-attention over a set, of plain operations, with members of other sets kept apart."""

import torch
from torch import Tensor, nn


class SetTransformer(nn.Module):
    r"""Adds to each member what it gathers from its set, and normalises the sum:

    .. math:: \mathrm{LN}(x + W_o\, \mathrm{softmax}(x W_q (x W_k)^T / \sqrt d)\, x W_v).

    Arguments:
        width: d, of the members.
        dropout: share of the attention, and of what is gathered, that training drops.
        normalise: False leaves out the layer norm.

    Example:
        >>> SetTransformer(4)(torch.ones(3, 4), torch.ones(3, 3, dtype=torch.bool)).shape
        torch.Size([3, 4])
    """

    def __init__(self, width: int, dropout: float = 0.0, normalise: bool = True) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        for layer in (self.query, self.key, self.value):
            nn.init.xavier_normal_(layer.weight)
        self.gathered = nn.Linear(width, width)
        nn.init.xavier_normal_(self.gathered.weight)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width) if normalise else nn.Identity()

    def forward(self, members: Tensor, together: Tensor) -> Tensor:
        """The members `(n, d)` in the light of their sets.

        Arguments:
            together: `(n, n)` bool, whether the second is in the set of the first. A member is
                always in its own.
        """
        own = torch.eye(len(members), dtype=torch.bool, device=members.device)
        products = self.query(members) @ self.key(members).T / members.shape[1] ** 0.5
        attention = torch.where(together | own, products, -torch.inf).softmax(1)
        seen = self.dropout(attention) @ self.value(members)
        return self.norm(members + self.dropout(self.gathered(seen)))
