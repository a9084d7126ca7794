"""Whether scores of the same tasks differ by more than chance; a task is one observation."""

import math
from typing import TypedDict

import torch
from torch import Tensor

from innerloop.evaluation.comparison import ROUNDING, paired


class Worsening(TypedDict):
    """A sign test: the disturbed mean, tasks that got worse and better, and the p-value."""

    mean: float
    worse: int
    better: int
    tasks: int
    p: float


class AgainstChance(TypedDict):
    """A t test: the mean, the mean of guessing, and the p-value."""

    mean: float
    chance: float
    tasks: int
    p: float


def worse(score: Tensor, disturbed: Tensor, sign: float) -> Worsening:
    """Sign test of whether a disturbance worsens the score; NaN is worse than any number.

    Arguments:
        score, disturbed: `(T,)`.
        sign: 1 if a higher score is better, -1 if a lower one is.
    """
    from scipy import stats  # half a second to import

    before, after = _ranked(score, sign), _ranked(disturbed, sign)
    tie = torch.isclose(before, after, rtol=ROUNDING, atol=0.0)
    lower, higher = int((~tie & (after < before)).sum()), int((~tie & (after > before)).sum())
    untied = lower + higher
    p = stats.binomtest(lower, untied, 0.5, "greater").pvalue if untied else 1.0
    return {
        "mean": _mean(disturbed), "worse": lower, "better": higher, "tasks": len(score),
        "p": float(p),
    }  # fmt: skip


def _ranked(scores: Tensor, sign: float) -> Tensor:
    """The scores with the sign that makes higher better, and NaN as minus infinity."""
    return sign * scores.double().where(~scores.isnan(), -sign * math.inf)


def against_chance(score: Tensor, chance: Tensor) -> AgainstChance:
    """Student's t test of the tasks' scores against chance: `paired` with a learner that guesses.

    A task is one observation, because its queries are not independent. A single task says nothing.

    Arguments:
        score, chance: `(T,)`.
    """
    p, tasks = paired(score.double().numpy(), chance.double().numpy()).p, len(score)
    mean, expected = _mean(score), _mean(chance)
    return {"mean": mean, "chance": expected, "tasks": tasks, "p": 1.0 if p is None else p}


def spread(score: Tensor, renamed: Tensor) -> float:
    r"""Standard deviation of a task's score over the names of its classes, estimated from two
    namings of each task: :math:`\sqrt{\mathrm{mean}(d^2) / 2}` with the differences d.

    Arguments:
        score, renamed: `(T,)`.
    """
    return float((score - renamed).double().square().mean().sqrt() / 2**0.5)


def _mean(scores: Tensor) -> float:
    return float(scores.double().mean())
