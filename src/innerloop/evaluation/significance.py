"""Whether scores of the same tasks differ by more than chance; a task is one observation."""

import math
from typing import Any

import torch
from torch import Tensor

from innerloop.evaluation.comparison import ROUNDING, paired


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
    """Student's t of the tasks' scores against chance, as `paired` with a learner that guesses.

    A task is one observation, for its queries are not independent. A single task says nothing.

    Arguments:
        score, chance: `(T,)`.
    """
    p, tasks = paired(score.double().numpy(), chance.double().numpy()).p, len(score)
    mean, expected = _mean(score), _mean(chance)
    return {"mean": mean, "chance": expected, "tasks": tasks, "p": 1.0 if p is None else p}


def spread(score: Tensor, renamed: Tensor) -> float:
    r"""Deviation of a task's score over the names of its classes, from two orders of each task:
    :math:`\sqrt{\mathrm{mean}(d^2) / 2}`."""
    return float((score - renamed).double().square().mean().sqrt() / 2**0.5)


def _mean(scores: Tensor) -> float:
    return float(scores.double().mean())
