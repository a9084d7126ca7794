"""Mean and variance of channels, over all rows of a group or over its real rows alone."""

import torch
from torch import Tensor

from innerloop.precision import wide


def moments(
    grouped: Tensor, real: Tensor | None, centre: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Mean and variance of each channel of each group, `(groups, 1, channels, 1...)` both.

    .. math:: \mu = \frac1N \sum_i r_i x_i, \qquad
        \sigma^2 = \frac1N \sum_i r_i (x_i - \mu)^2, \qquad N = \sum_i r_i

    over the rows :math:`i` and all places of a row, with :math:`r_i = 1` for real rows, else 0.

    Arguments:
        grouped: `(groups, rows, channels, ...)`.
        real: `(groups, rows)` bool; None if all rows are.
        centre: what the variance is about; by default the mean.

    Example:
        >>> values = torch.tensor([[[1.0], [3.0], [100.0]]])
        >>> mean, variance = moments(values, torch.tensor([[True, True, False]]))
        >>> float(mean), float(variance)
        (2.0, 1.0)
    """
    grouped, dims = wide(grouped), (1, *range(3, grouped.dim()))
    if real is None and centre is None:
        variance, mean = torch.var_mean(grouped, dims, correction=0, keepdim=True)
        return mean, variance
    mean = _mean(grouped, real, dims)
    centred = grouped - (mean if centre is None else centre)
    return mean, _mean(centred * centred, real, dims)


def _mean(grouped: Tensor, real: Tensor | None, dims: tuple[int, ...]) -> Tensor:
    if real is None:
        return grouped.mean(dims, keepdim=True)
    rows = real.view(*real.shape, *[1] * (grouped.dim() - 2))
    number = numbers(grouped, real).view(-1, *[1] * (grouped.dim() - 1))
    return torch.where(rows, grouped, 0).sum(dims, keepdim=True) / number


def numbers(grouped: Tensor, real: Tensor | None) -> Tensor:
    """How many numbers of a channel the real rows of each group hold, `(groups,)`."""
    groups, rows = grouped.shape[:2]
    exact = wide(grouped[0, :0])  # bfloat16 cannot count beyond 256
    counted = exact.new_full((groups,), rows) if real is None else real.sum(1).to(exact.dtype)
    return counted * grouped[0, 0, 0].numel()


def side_by_side(value: Tensor) -> bool:
    """Whether a tensor holds the values of many tasks, under vmap, at any depth of gradients."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(value):
        if functorch.is_batchedtensor(value):
            return True
        value = functorch.get_unwrapped(value)
    return False
