"""Plays episodes in an environment."""

from collections.abc import Callable
from typing import NamedTuple, TypedDict

import torch
from torch import Tensor

from innerloop.environments import noise
from innerloop.environments.environment import Environment


class EpisodeInputs(TypedDict):
    """What decides how `n` episodes go, beside the policy.

    Arguments:
        parameters: of the environment, `(n, p)`, the same in all episodes of a task.
        keys: `(n,)` int64, of all random numbers of an episode.
    """

    parameters: Tensor
    keys: Tensor


class Episodes(NamedTuple):
    """`n` episodes of `horizon` steps.

    Arguments:
        observations: before each step, `(n, horizon, observations)`.
        actions: `(n, horizon, width)`.
        rewards: `(n, horizon)`, 0 after the end.
        real: `(n, horizon)` 1 for each step that an episode has, 0 after its end.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    real: Tensor


Policy = Callable[[Tensor], Tensor]  #: outputs `(n, ...)` for observations `(n, observations)`


def play(
    environment: Environment, policy: Policy, inputs: EpisodeInputs, visit: int = 0
) -> Episodes:
    """Episodes of a policy; derivatives do not flow through them.

    Arguments:
        policy: to outputs of the environment's kind of actions.
        visit: another number gives other random numbers, as every inner step needs.
    """
    parameters, keys = inputs["parameters"], noise.fold(inputs["keys"], visit)
    luck = _luck(environment, keys)
    state, rows = environment.start(parameters), []
    real = torch.ones_like(parameters[:, 0])
    with torch.no_grad():
        for step in range(environment.horizon):
            seen = environment.observe(state)
            actions = environment.actions.draw(policy(seen), luck[:, step, 1:]).detach()
            outcome = environment.step(parameters, state, actions, luck[:, step, 0])
            rows.append((seen, actions, outcome.rewards * real, real))
            state, real = outcome.state, real * ~outcome.ended
    return Episodes(*[torch.stack(column, 1) for column in zip(*rows, strict=True)])


def _luck(environment: Environment, keys: Tensor) -> Tensor:
    """Uniform numbers `(n, horizon, 1 + width)`: the environment's, then those of the action."""
    each = 1 + environment.actions.width
    drawn = noise.uniform(keys, environment.horizon * each)
    return drawn.unflatten(-1, (environment.horizon, each))
