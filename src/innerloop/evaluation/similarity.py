"""Similarity of features and of gradients, and the spread of many values."""

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.machine.float64 import exact


def linear_cka(first: Tensor, second: Tensor) -> Tensor:
    r"""Linear centred kernel alignment of two sets of features of the same examples,
    :math:`\langle K, L\rangle / (|K| |L|)` with the Gram matrices K and L of the centred features
    (Kornblith et al., "Similarity of neural network representations revisited", 2019).

    It is 1 if the features are the same up to rotation and scale. With fewer examples than features
    it is biased towards 1: compare layers and learners by it, but not with other studies.

    Arguments:
        first, second: `(n, ...)`; each example is flattened.

    NaN if the features do not depend on the example.
    """
    a, b = _gram(first), _gram(second)
    return (a * b).sum() / (a.norm() * b.norm())


def _gram(features: Tensor) -> Tensor:
    rows = exact(features.flatten(1))
    centred = rows - rows.mean(0)
    return centred @ centred.T


def cosines(gradients: Tensor) -> Tensor:
    """Cosine of the angle between the gradients `(T, ...)` of each pair of tasks, `(pairs,)`."""
    directions = F.normalize(exact(gradients), dim=1)
    first, second = torch.triu_indices(len(gradients), len(gradients), 1, device=directions.device)
    return (directions @ directions.T)[first, second]


def spread(values: Tensor) -> dict[str, Tensor]:
    """Mean, extremes and share of negative values."""
    negative = (values < 0).to(values.dtype).mean()
    return {"mean": values.mean(), "min": values.min(), "max": values.max(), "negative": negative}
