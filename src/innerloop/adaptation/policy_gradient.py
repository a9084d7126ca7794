"""Policy gradients: advantages of actions, and rewards whose derivative is the policy gradient."""

import torch
from torch import Tensor

from innerloop.adaptation.ridge import ridge
from innerloop.precision import in_full

PENALTY = 1e-3  #: of the baseline's regression


def discounted(rewards: Tensor, factor: float) -> Tensor:
    r""":math:`\sum_{l \geq 0} \gamma^l r_{t+l}` for every step, `(n, horizon)` as the rewards.

    Arguments:
        rewards: `(n, horizon)`.
        factor: :math:`\gamma`, in 0..1.

    Example:
        >>> discounted(torch.tensor([[1.0, 1.0, 1.0]]), 0.5)
        tensor([[1.7500, 1.5000, 1.0000]])
    """
    steps = torch.arange(rewards.shape[-1], device=rewards.device)
    later = steps[:, None] - steps[None, :]  # a row for the later step
    weights = torch.where(later >= 0, factor ** later.clamp(min=0).to(rewards.dtype), 0)
    with in_full(rewards):
        return rewards @ weights


def linear_baseline(observations: Tensor, returns: Tensor, real: Tensor) -> Tensor:
    r"""Returns as a task's own linear function of :math:`o, o^2, \tau, \tau^2, \tau^3, 1`, where
    :math:`\tau` is the time (Duan et al., "Benchmarking deep reinforcement learning for continuous
    control", 2016): `(n, horizon)`.

    Arguments:
        observations: o, `(n, horizon, d)`.
        returns: to be fitted, `(n, horizon)`.
        real: `(n, horizon)` 1 for each step that counts, else 0.
    """
    time = torch.linspace(0, 1, returns.shape[1]).to(returns).expand_as(returns)
    powers = [torch.ones_like(time), time, time**2, time**3]
    features = torch.cat([observations, observations**2, torch.stack(powers, -1)], -1)
    features = features.double()  # positions far away make a matrix that float32 cannot solve
    rows, targets = (features * real[..., None]).flatten(0, 1), (returns * real).flatten()
    values = (features @ ridge(rows, targets[:, None].double(), PENALTY))[..., 0]
    return values.to(returns) * real


def generalised(rewards: Tensor, values: Tensor, discount: float, trace: float) -> Tensor:
    r"""Generalised advantages (Schulman et al. 2016), `(n, horizon)`; after the last step comes 0.

    .. math:: A_t = \sum_{l \geq 0} (\gamma \lambda)^l (r_{t+l} + \gamma V_{t+l+1} - V_{t+l})

    Arguments:
        rewards, values: `(n, horizon)`.
        discount: :math:`\gamma`.
        trace: :math:`\lambda`; 1: returns minus values.
    """
    later = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
    return discounted(rewards + discount * later - values, discount * trace)


def advantages(
    rewards: Tensor, values: Tensor, real: Tensor, discount: float, trace: float
) -> Tensor:
    """Generalised advantages, standardised over all real steps: `(n, horizon)`.

    Arguments:
        rewards, values, real: `(n, horizon)`; rewards and values are 0 where `real` is.
        discount, trace: as of `generalised`.
    """
    raw = generalised(rewards, values, discount, trace)
    count = real.sum()
    mean = (raw * real).sum() / count
    deviation = ((raw - mean).square() * real).sum().div(count).sqrt()
    return (raw - mean) / (deviation + 1e-8) * real


def with_policy_gradient(rewards: Tensor, log_probability: Tensor, gains: Tensor) -> Tensor:
    r"""The rewards, with the derivative :math:`A_t \nabla \log \pi(a_t)`: `(n, horizon)`.

    The value is :math:`r_t + A_t (\pi(a_t) / \bar\pi(a_t) - 1)`, where :math:`\bar\pi` is the same
    policy as a constant. Its second derivative is the low-variance one of Rothfuss et al., "ProMP:
    proximal meta-policy search", 2019.

    Arguments:
        rewards: r, `(n, horizon)`.
        log_probability: of the actions, `(n, horizon)`; 0 after the end of an episode.
        gains: advantages A, constants, `(n, horizon)`.

    Example:
        >>> with_policy_gradient(torch.ones(1), torch.zeros(1), gains=torch.ones(1))
        tensor([1.])
    """
    ratio = (log_probability - log_probability.detach()).exp()
    return rewards + gains * (ratio - 1)
