"""Fixed vectors that stand for classes, none of which is nearer to another than the rest."""

import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives import Objective


def simplex(count: int) -> Tensor:
    r"""`count` unit vectors `(count, count)` with the same angle between any two.

    .. math:: e_k = \sqrt{\tfrac{n}{n - 1}} \, (b_k - \tfrac1n \sum_j b_j), \qquad
        e_j \cdot e_k = -\tfrac{1}{n - 1}

    with the n basis vectors b; they are the corners of a regular simplex.

    Example:
        >>> vectors = simplex(4)
        >>> (vectors @ vectors.T)[0]
        tensor([ 1.0000, -0.3333, -0.3333, -0.3333])
    """
    basis = torch.eye(count)
    return (count / (count - 1)) ** 0.5 * (basis - basis.mean(0))


def check_most_ways(objective: Objective, most: int) -> None:
    """Raises `UserError` if tasks have more classes than a learner has vectors for."""
    ways = max(objective.classes(training) or 0 for training in (True, False))
    if most < max(2, ways):
        raise UserError(
            f"algorithm.most_ways={most} label vectors do not suffice for tasks of {ways} classes: "
            f"give {max(2, ways)} or more."
        )
