"""An embedding whose padding row is never trained, also where many tasks run side by side."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PaddedEmbedding(nn.Embedding):
    """`nn.Embedding` with a `padding_idx` that `torch.func.vmap` respects.

    PyTorch's own rule for many tasks side by side forgets the padding index, and trains its row.

    Example:
        >>> PaddedEmbedding(5, 2, padding_idx=0)(torch.tensor([[1, 0]])).shape
        torch.Size([1, 2, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        vectors = F.embedding(input, self.weight)
        padding = input.eq(self.padding_idx or 0)[..., None]
        return torch.where(padding, vectors.detach(), vectors)
