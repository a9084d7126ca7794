"""The multi-class support vector machine of Crammer and Singer (2001), with its derivative.

An interior-point method without gradients finds which constraints hold with equality. With these
fixed, the solution is that of linear equations, which are solved once more: to full accuracy, and
so that autograd differentiates the solution itself (the implicit function theorem).
"""

import torch
from torch import Tensor

from innerloop.precision import in_full

ITERATIONS = 40  #: of the interior-point method
SMALLEST_GAP = 1e-12  #: product of a slack and its multiplier, in units of the solution's size


def crammer_singer(kernel: Tensor, labels: Tensor, cost: float) -> Tensor:
    r"""The dual solution :math:`\alpha` of

    .. math:: \min_\alpha \tfrac12 \sum_k \alpha_k^T K \alpha_k - \sum_{ik} Y_{ik} \alpha_{ik}
        \quad\text{with}\quad \alpha \le C Y, \; \sum_k \alpha_{ik} = 0.

    Class k scores :math:`\sum_i \alpha_{ik} K(x_i, x)`. Rows of padding and classes without
    examples get 0. It computes in float64, one matrix `(n, n)` per class and iteration.

    Arguments:
        kernel: K, positive definite, `(n, n)`.
        labels: Y, `(n, ways)` with a 1 for the class of each example and rows of 0 for padding.
        cost: C, above zero.

    Example:
        >>> alpha = crammer_singer(torch.eye(2), torch.eye(2), cost=10.0)
        >>> alpha.round(decimals=6)
        tensor([[ 0.5000, -0.5000],
                [-0.5000,  0.5000]])
    """
    with in_full(kernel):
        k, y = kernel.double(), labels.double().T
        inside = y.sum(0) * y.sum(1, keepdim=True).clamp(max=1)  # real rows of present classes
        with torch.no_grad():
            tight = _tight_constraints(k.detach(), y, inside, cost)
        at_bound, free = tight * cost * y, inside * (1 - tight)
        zero = torch.zeros_like(y)
        rest = _balanced_solution(k, zero, free, y - at_bound @ k, -at_bound.sum(0))
        return (at_bound + rest).T.to(kernel.dtype)


def _balanced_solution(
    kernel: Tensor, diagonal: Tensor, free: Tensor, right: Tensor, totals: Tensor
) -> Tensor:
    r"""x `(ways, n)`, 0 outside `free`, with :math:`(K + D_k) x_k + \nu = r_k` inside it and
    :math:`\sum_k x_k = t`."""
    pairs = free[:, :, None] * free[:, None, :]
    blocks = pairs * kernel + torch.diag_embed(torch.where(free > 0, diagonal, 1))
    inverses = pairs * torch.linalg.inv(blocks)
    alone = (inverses @ right[..., None])[..., 0]
    balance = inverses.sum(0) + torch.diag(1 - free.amax(0))  # 1 for rows of padding
    shift = torch.linalg.solve(balance, alone.sum(0) - totals)
    return alone - inverses @ shift


def _tight_constraints(kernel: Tensor, labels: Tensor, inside: Tensor, cost: float) -> Tensor:
    """1 for every bound `(ways, n)` that the solution touches, by an interior-point method."""
    number, nothing = inside.sum(), torch.zeros_like(labels[0])
    size = (1 / kernel.diagonal().mean()).clamp(max=cost)  # that alpha may have
    alpha = size / 2 * (labels - inside / inside.sum(0).clamp(min=1))
    slack = torch.where(inside > 0, cost * labels - alpha, 1)
    multiplier = torch.where(inside > 0, size / slack, 1)
    for _ in range(ITERATIONS):
        gap = ((inside * slack * multiplier).sum() / number / 10).clamp(min=SMALLEST_GAP * size)
        right = labels - alpha @ kernel - gap / slack
        step = _balanced_solution(kernel, multiplier / slack, inside, right, nothing)
        change = inside * (gap / slack - multiplier + multiplier / slack * step)
        length = torch.minimum(_longest(slack, -step), _longest(multiplier, change))
        alpha, slack = alpha + length * step, slack - length * step
        multiplier = multiplier + length * change
    return (inside > 0).to(slack) * (slack < size * multiplier)


def _longest(values: Tensor, change: Tensor) -> Tensor:
    """The longest step, up to 1, that keeps the values positive with a margin."""
    ratios = torch.where(change < 0, -values / change, torch.inf)
    return (0.99 * ratios.amin()).clamp(max=1)
