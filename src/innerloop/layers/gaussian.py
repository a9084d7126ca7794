"""Normal distributions whose deviation a network predicts."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.tasks import Padded

SMALLEST = 0.1  #: bound on a predicted deviation: without one, likelihoods grow beyond any number


def bounded_deviation(outputs: Tensor) -> Tensor:
    r""":math:`\sigma = 0.1 + 0.9 \, \mathrm{softplus}(s)`."""
    return SMALLEST + (1 - SMALLEST) * F.softplus(outputs)


def negative_log_likelihood(mean: Tensor, deviation: Tensor, targets: Tensor | Padded) -> Tensor:
    r"""The mean over examples and values, in nats, of

    .. math:: \frac{(y - \mu)^2}{2 \sigma^2} + \log \sigma + \frac12 \log 2 \pi

    Arguments:
        mean, deviation: `(n, d)`.
        targets: `(n, d)`, or `(n,)` if d is 1; `Padded` in tasks of unequal size.

    Example:
        >>> zero = torch.zeros(1, 1)
        >>> round(float(negative_log_likelihood(zero, zero + 1, zero)), 4)
        0.9189
    """
    values = targets.values if isinstance(targets, Padded) else targets
    errors = (values.reshape(mean.shape) - mean) / deviation
    losses = (errors.square() / 2 + deviation.log()).mean(1) + math.log(2 * math.pi) / 2
    if not isinstance(targets, Padded):
        return losses.mean()
    return torch.where(targets.real, losses, 0).sum() / targets.real.sum()
