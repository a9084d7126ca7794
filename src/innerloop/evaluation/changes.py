"""Whether a learner's answers changed by more than rounding."""

import math

import torch
from torch import Tensor

from innerloop.evaluation.comparison import ROUNDING
from innerloop.machine.float64 import exact

NEGLIGIBLE = 1e-3  #: relative to the spread of a task's answers: a smaller change does not count


def changed(before: Tensor, after: Tensor, classes: bool) -> Tensor:
    """`(T,)`: 1 for each task with answers that changed beyond rounding, else 0; NaN where they are
    not finite.

    Arguments:
        before, after: `(T, n, width)`.
        classes: whether answers are logits, where a constant added to all logits of a query has no
            effect.
    """
    existing = ~(before.isneginf() & after.isneginf()).flatten(0, 1).all(0)  # the other classes
    before, after = exact(before[..., existing]), exact(after[..., existing])  # are masked out
    size = before.square().mean((1, 2)).sqrt()
    if classes:
        before, after = (x - x.mean(-1, keepdim=True) for x in (before, after))
    spread = (before - before.mean(1, keepdim=True)).square().mean((1, 2)).sqrt()
    gap = (before - after).abs().amax((1, 2))
    beyond = (gap > torch.maximum(NEGLIGIBLE * spread, ROUNDING * size)).double()
    return torch.where(gap.isfinite(), beyond, math.nan)
