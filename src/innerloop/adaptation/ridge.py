"""Ridge regression, in closed form."""

import torch
from torch import Tensor

from innerloop.precision import in_full, wide


def ridge(features: Tensor, targets: Tensor, penalty: Tensor | float) -> Tensor:
    r""":math:`\arg\min_W |XW - Y|^2 + \lambda |W|^2`, with a matrix as small as X allows.

    .. math:: W = (X^T X + \lambda I)^{-1} X^T Y = X^T (X X^T + \lambda I)^{-1} Y

    The second form, by Woodbury's identity, is the cheaper one if there are fewer examples than
    features. Rows of zeros in both X and Y change nothing.

    Arguments:
        features: X, `(..., n, d)`.
        targets: Y, `(..., n, k)`.
        penalty: :math:`\lambda` above zero, a number or `(...)`.

    Returns `(..., d, k)`, in float32 at least.

    Example:
        >>> ridge(torch.eye(2), torch.tensor([[2.0], [4.0]]), penalty=1.0)
        tensor([[1.],
                [2.]])
    """
    with in_full(features):
        x = wide(features)
        y = targets.to(x.dtype)
        if x.shape[-2] < x.shape[-1]:
            return x.mT @ torch.linalg.solve(_shifted(x @ x.mT, penalty), y)
        return torch.linalg.solve(_shifted(x.mT @ x, penalty), x.mT @ y)


def with_one(features: Tensor) -> Tensor:
    """Features `(n, d)` with a last one that is always 1, so that a weight of it is an offset."""
    return torch.cat([features, torch.ones_like(features[:, :1])], 1)


def _shifted(gram: Tensor, penalty: Tensor | float) -> Tensor:
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    shift = penalty[..., None, None] if isinstance(penalty, Tensor) else penalty
    return gram + shift * identity
