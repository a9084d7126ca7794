"""Rectified prototypes (Liu, Song and Qin, "Prototype rectification for few-shot learning", 2020):
queries count as examples of the classes that they resemble."""

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.cosine import cosines
from innerloop.layers.distances import class_means
from innerloop.layers.labels import one_hot
from innerloop.tasks import PADDING, Examples


def rectified(
    support: Examples, queries: Tensor, real: Tensor, ways: int, scale: float
) -> tuple[Tensor, Tensor]:
    r"""Prototypes that count each query as an example of its nearest class, and shifted queries.

    Queries move by the difference between the mean of the support and their own. Then the examples
    of class k are averaged with weights in proportion to :math:`e^{\epsilon \cos(x, c_k)}`, where
    :math:`c_k` is the mean of its support.

    Arguments:
        support: features `(n, d)` and labels below `ways`.
        queries: features `(q, d)`.
        real: `(q,)`, 0 for rows that do not count.
        scale: :math:`\epsilon`.

    Returns `(ways, d)` and `(q, d)`.

    Example:
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> prototypes, _ = rectified(support, torch.eye(2), torch.ones(2), ways=2, scale=10.0)
        >>> prototypes
        tensor([[1., 0.],
                [0., 1.]])
    """
    features = task_tools.values(support.inputs)
    labelled = (support.targets != PADDING).to(features.dtype)
    centres = class_means(support, ways)
    shift = _mean(features, labelled) - _mean(queries, real)
    shifted = queries + shift
    alike = mask_absent_classes(cosines(shifted, centres), support)
    rows = torch.cat([features, shifted])
    labels = torch.cat([support.targets, alike.argmax(1)])
    member = (
        one_hot(labels, ways, features) * torch.cat([labelled, real.to(features.dtype)])[:, None]
    )
    weights = member * (scale * (cosines(rows, centres) - 1)).exp()  # of at most 1
    total = weights.sum(0).clamp(min=torch.finfo(weights.dtype).tiny)
    clean = torch.where(member.sum(1, keepdim=True) > 0, rows, 0)  # padding may be anything
    return (weights / total).T @ clean, shifted


def _mean(features: Tensor, counted: Tensor) -> Tensor:
    """The mean of the rows that count, `(d,)`."""
    rows = torch.where(counted[:, None] > 0, features, 0)
    return rows.sum(0) / counted.sum().to(features.dtype)
