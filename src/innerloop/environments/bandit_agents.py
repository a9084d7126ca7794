"""What statistics has for bandits of Bernoulli arms: agents that count successes and failures.

Memories are `(n, 2 * arms)`: successes, then failures. Outputs are logits of the arms.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from innerloop.environments.play import Agent

NEVER = -1e9  #: logit of an arm that is not chosen
POINTS = 201  #: of the probabilities at which Thompson's integral is computed
RATES = 401  #: known rewards among which an index is looked for


def counting(arms: int, logits: Callable[[Tensor, Tensor], Tensor]) -> Agent:
    """The agent that chooses by the successes and failures `(n, arms)` of every arm."""

    def agent(seen: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        last, reward = seen[:, -arms - 2 : -2], seen[:, -2:-1]
        memory = memory + torch.cat([last * reward, last * (1 - reward)], -1)
        return logits(*memory.chunk(2, -1)), memory

    return agent


def uniform(successes: Tensor, failures: Tensor) -> Tensor:
    """Any arm, with the same probability."""
    return torch.zeros_like(successes)


def ucb1(successes: Tensor, failures: Tensor, scale: float) -> Tensor:
    r"""The arm of the largest :math:`\bar r_i + c \sqrt{2 \ln t / n_i}` (Auer, Cesa-Bianchi and
    Fischer, "Finite-time analysis of the multiarmed bandit problem", 2002, where c is 1)."""
    pulls = successes + failures
    total = pulls.sum(-1, keepdim=True).clamp(min=1)
    bound = successes / pulls.clamp(min=1) + scale * (2 * total.log() / pulls.clamp(min=1)).sqrt()
    return largest(torch.where(pulls > 0, bound, math.inf))


def thompson(successes: Tensor, failures: Tensor) -> Tensor:
    r"""Every arm with the posterior probability that it is the best (Thompson 1933), from a uniform
    prior: :math:`\int f_i(x) \prod_{j \neq i} F_j(x) \, dx`, computed on a grid."""
    grid = (torch.arange(POINTS, device=successes.device) + 0.5) / POINTS
    density = successes[..., None] * grid.log() + failures[..., None] * (1 - grid).log()
    share = density.softmax(-1)  # (n, arms, points)
    below = (share.cumsum(-1) - share / 2).clamp(min=1e-30).log()
    others = below.sum(-2, keepdim=True) - below
    return (share * others.exp()).sum(-1).clamp(min=1e-30).log()


def gittins(successes: Tensor, failures: Tensor, horizon: int) -> Tensor:
    """The arm of the largest index for the pulls that remain, see `indices`."""
    table = indices(horizon).to(successes)
    taken = (successes + failures).sum(-1, keepdim=True).long()
    return largest(table[horizon - taken, successes.long(), failures.long()])


def largest(values: Tensor) -> Tensor:
    """Logits of the arms with the largest value, which are equally likely if there are several."""
    best = values.amax(-1, keepdim=True)
    return torch.where(values == best, 0.0, NEVER).to(torch.float32)


@functools.cache
def indices(horizon: int) -> Tensor:
    r"""Gittins' index of an arm for a finite number of pulls: `(horizon + 1, horizon, horizon)`.

    It is the largest known reward :math:`\lambda` per pull for which the arm, with s successes and
    f failures, is worth a pull when m pulls remain (Kaufmann, "On Bayesian index policies for
    sequential resource allocation", 2018):

    .. math:: W_m(s, f) = \max(m \lambda, \; p (1 + W_{m-1}(s+1, f)) + (1-p) W_{m-1}(s, f+1)),
        \qquad p = \tfrac{s+1}{s+f+2}

    Entries are `[m, s, f]`, right to 1/400, for s + f + m up to the horizon.
    """
    rates = torch.linspace(0, 1, RATES)[:, None, None]
    count = torch.arange(horizon + 1, dtype=torch.float32)
    chance = (count[:, None] + 1) / (count[:, None] + count + 2)
    worth, table = torch.zeros(RATES, horizon + 1, horizon + 1), [torch.zeros(horizon, horizon)]
    for remaining in range(1, horizon + 1):
        p = chance[:-1, :-1][: horizon - remaining + 1, : horizon - remaining + 1]
        size = len(p)
        pull = p * (1 + worth[:, 1 : size + 1, :size]) + (1 - p) * worth[:, :size, 1 : size + 1]
        known = remaining * rates
        index = ((pull >= known).sum(0) - 1) / (RATES - 1)
        table.append(torch.nn.functional.pad(index, [0, horizon - size] * 2))
        worth = torch.maximum(pull, known)
    return torch.stack(table)
