"""Multinomial logistic regression on the features of a task, for many tasks at once.

The curvature of the loss is below that of a quadratic function, whatever the weights (Böhning,
"Multinomial logistic regression algorithm", 1992). Minimising this function instead never raises
the loss, and one factorisation serves all steps. Nesterov's momentum speeds it up, and starts again
where it points uphill (O'Donoghue and Candès, "Adaptive restart for accelerated gradient schemes",
2015). No step looks at a number to decide what to do, so that all of it runs under `vmap`.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.layers.absent import mask_absent_classes
from innerloop.precision import in_full
from innerloop.tasks import PADDING, Examples


class LinearHead(NamedTuple):
    """A fitted head: its outputs are `features @ weight.T + bias`."""

    weight: Tensor  #: `(ways, d)`
    bias: Tensor  #: `(ways,)`

    def outputs(self, features: Tensor) -> Tensor:
        """`(n, ways)` for features `(n, d)`, in float32 at least."""
        with in_full(features):
            return F.linear(features.to(self.weight.dtype), self.weight, self.bias)


def fit_logistic(support: Examples, ways: int, c: float = 1.0, steps: int = 100) -> LinearHead:
    r"""The minimum of :math:`\frac{1}{2 C} |W|^2 + \sum_i \mathrm{crossentropy}(W f_i + b, y_i)`.

    This is scikit-learn's `LogisticRegression(C=c)`: the bias is free.

    Arguments:
        support: features `(n, d)` and labels `(n,)` below `ways`; padded rows and absent classes
            do not count.
        ways: classes of the task.
        c: :math:`C`; the larger, the weaker the penalty, and the more steps it takes.
        steps: of the minimisation; 100 reach 1e-6 of the largest weight for features of length 1
            and :math:`C = 1`.

    Example:
        >>> support = Examples(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 1]))
        >>> fit_logistic(support, ways=2).outputs(torch.tensor([[1.0], [5.0]])).argmax(1)
        tensor([0, 1])
    """
    features = task_tools.values(support.inputs)
    with in_full(features):
        features = features if features.dtype == torch.float64 else features.float()
        real = (support.targets != PADDING).to(features.dtype)[:, None]
        mean = (features * real).sum(0) / real.sum()
        centred = (features - mean) * real  # the free bias makes up for it
        sums, bias = _minimum(centred @ centred.T, real, support, ways, c, steps)
        weight = sums.T @ centred
        return LinearHead(weight, bias - weight @ mean)


class _Point(NamedTuple):
    """A head whose weights are sums of the support's features."""

    sums: Tensor  #: `(n, ways)`
    bias: Tensor  #: `(ways,)`

    def plus(self, other: "_Point", times: Tensor | float) -> "_Point":
        return _Point(self.sums + times * other.sums, self.bias + times * other.bias)


def _minimum(
    gram: Tensor, real: Tensor, support: Examples, ways: int, c: float, steps: int
) -> _Point:
    """The head of least loss.

    Arguments:
        gram: products `(n, n)` of the centred features.
        real: `(n, 1)`, 1 for the rows that count and 0 for padding.
    """
    factor = torch.linalg.cholesky(gram / 2 + torch.eye(len(gram)).to(gram) / c)
    wanted = F.one_hot(support.targets.clamp(min=0), ways).to(gram.dtype)
    point = ahead = _Point(gram.new_zeros(len(gram), ways), gram.new_zeros(ways))
    momentum = gram.new_ones(())
    for _ in range(steps):
        outputs = mask_absent_classes(gram @ ahead.sums + ahead.bias, support)
        errors = (outputs.softmax(1) - wanted) * real
        slope = _Point(errors + ahead.sums / c, errors.sum(0))
        step = _Point(torch.cholesky_solve(slope.sums, factor), 2 * slope.bias / real.sum())
        before, point = point, ahead.plus(step, -1)
        moved = point.plus(before, -1)
        weight, momentum = _next_momentum(momentum, _product(slope, moved, gram) > 0)
        ahead = point.plus(moved, weight)
    return point


def _product(slope: _Point, moved: _Point, gram: Tensor) -> Tensor:
    """By how much the loss rises along a move, to first order."""
    return (slope.sums * (gram @ moved.sums)).sum() + slope.bias @ moved.bias


def _next_momentum(momentum: Tensor, uphill: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the last move to repeat, and Nesterov's sequence; both start again uphill."""
    following = (1 + (1 + 4 * momentum**2).sqrt()) / 2
    weight = (momentum - 1) / following
    return torch.where(uphill, 0.0, weight), torch.where(uphill, 1.0, following)
