"""Labels as vectors."""

import torch
from torch import Tensor


def one_hot(targets: Tensor, ways: int, like: Tensor) -> Tensor:
    """Labels `(n,)` as rows `(n, ways)` with a 1 in the place of the class.

    The rows of padding are 0.

    Arguments:
        like: gives the type and the device of the result.

    Example:
        >>> one_hot(torch.tensor([1, -100]), 2, torch.zeros(1))
        tensor([[0., 1.],
                [0., 0.]])
    """
    classes = torch.arange(ways, device=targets.device)
    return (targets[:, None] == classes).to(like)


def real_rows(features: Tensor, targets: Tensor) -> Tensor:
    """Features `(n, ...)` with 0 in the rows of padding, which have no label."""
    real = (targets >= 0).view(-1, *[1] * (features.dim() - 1))
    return torch.where(real, features, 0)
