"""Distances between features, exact to float32 whatever the precision of the run.

Under autocast, products of matrices are computed in bfloat16. A distance is a small difference of
such products where features share a large common part, as they do after a ReLU: with half of the
digits, nothing is left of it.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.precision import in_full, wide
from innerloop.tasks import Examples, Padded


def squared_distances(features: Tensor, centres: Tensor) -> Tensor:
    r""":math:`|x_i - c_k|^2 = |x_i|^2 - 2 x_i \cdot c_k + |c_k|^2`, all less the mean centre.

    Arguments:
        features: `(n, d)`.
        centres: `(k, d)`.

    Returns `(n, k)`, in float32 at least.

    Example:
        >>> squared_distances(torch.tensor([[1000.0], [1002.0]]), torch.tensor([[1001.0]]))
        tensor([[1.],
                [1.]])
    """
    with in_full(features):
        features, centres = wide(features), wide(centres)
        middle = centres.mean(0)
        features, centres = features - middle, centres - middle
        squares = (features**2).sum(1, keepdim=True) + (centres**2).sum(1)
        return squares - 2 * features @ centres.T


def inner_products(features: Tensor, weights: Tensor) -> Tensor:
    """Features `(n, d)` times weights `(d, k)`, in float32 at least.

    Example:
        >>> inner_products(torch.ones(1, 2), torch.tensor([[1.0], [2.0]]))
        tensor([[3.]])
    """
    with in_full(features):
        return wide(features) @ wide(weights)


def class_means(support: Examples, ways: int) -> Tensor:
    """The mean feature of each class `(ways, d)`, in float32 at least.

    Arguments:
        support: features `(n, d)` and labels below `ways`.

    In tasks of unequal size, a class without examples has the mean 0, and is masked out of the
    answers; in others its mean is not a number.
    """
    padded, features = isinstance(support.inputs, Padded), task_tools.values(support.inputs)
    classes = torch.arange(ways, device=support.targets.device)
    with in_full(features):
        features = wide(features)
        member = (support.targets[:, None] == classes).to(features.dtype)
        sizes = member.sum(0)[:, None]
        return (member.T @ features) / (sizes.clamp(min=1) if padded else sizes)


def linear_scores(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`features @ weight.T + bias`, in float32 at least.

    Arguments:
        features: `(n, d)`.
        weight: `(k, d)`.
        bias: `(k,)`.

    Example:
        >>> linear_scores(torch.ones(1, 2), torch.eye(2), torch.tensor([0.0, 1.0]))
        tensor([[1., 2.]])
    """
    with in_full(features):
        return F.linear(wide(features), weight, bias)
