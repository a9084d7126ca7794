"""Whether scores of the same tasks differ by more than chance; a task is one observation."""

import math
from typing import Any

import torch
from torch import Tensor

ROUNDING = 1e-5  #: a relative difference that means nothing: a hundred times float32's resolution


def worse(score: Tensor, other: Tensor, sign: float) -> dict[str, Any]:
    """Sign test of whether a disturbance worsens the score; what is no number is the worst."""
    from scipy import stats  # half a second to import

    before, after = (sign * s.double().where(~s.isnan(), -sign * math.inf) for s in (score, other))
    tie = torch.isclose(before, after, rtol=ROUNDING, atol=0.0)
    lower, higher = int((~tie & (after < before)).sum()), int((~tie & (after > before)).sum())
    untied = lower + higher
    p = stats.binomtest(lower, untied, 0.5, "greater").pvalue if untied else 1.0
    return {
        "mean": _mean(other), "worse": lower, "better": higher, "tasks": len(score), "p": float(p)
    }  # fmt: skip


def against_chance(score: Tensor, chance: Tensor) -> dict[str, Any]:
    """Student's t of the tasks' scores against chance; a task is one observation, its queries are
    not independent.

    Arguments:
        score, chance: `(T,)`.
    """
    from scipy import stats

    gaps = score.double() - chance.double()
    gaps = gaps.where(gaps.abs() > 1e-6, 0.0)  # float32's 1/5 is not float64's
    n, mean, deviation = len(gaps), float(gaps.mean()), float(gaps.std(correction=1))
    if n < 2 or mean == 0.0:
        t = 0.0
    else:
        t = mean / (deviation / n**0.5) if deviation > 0 else math.copysign(math.inf, mean)
    p = 2 * stats.t.sf(abs(t), max(n - 1, 1))
    return {"mean": _mean(score), "chance": _mean(chance), "tasks": n, "t": t, "p": float(p)}


def spread(score: Tensor, renamed: Tensor) -> float:
    r"""Deviation of a task's score over the names of its classes, from two orders of each task:
    :math:`\sqrt{\mathrm{mean}(d^2) / 2}`."""
    return float((score - renamed).double().square().mean().sqrt() / 2**0.5)


def _mean(scores: Tensor) -> float:
    return float(scores.double().mean())
