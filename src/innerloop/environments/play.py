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
        memories: of the agent after each step, `(n, horizon, m)`.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    real: Tensor
    memories: Tensor


class Past(NamedTuple):
    """What an agent carries from step to step, also into its next episode.

    Arguments:
        memory: its own, `(n, m)`.
        actions: the last ones, `(n, width)`, 0 before the first.
        rewards: of them, `(n,)`.
        ended: `(n,)` 1 if they ended an episode, else 0.
    """

    memory: Tensor
    actions: Tensor
    rewards: Tensor
    ended: Tensor

    def beside(self, observations: Tensor) -> Tensor:
        """What an agent with a memory sees: observations, action, reward, end."""
        last = [self.actions, self.rewards[:, None], self.ended[:, None]]
        return torch.cat([observations, *last], -1)


Policy = Callable[[Tensor], Tensor]  #: outputs `(n, ...)` for observations `(n, observations)`
#: Outputs and new memories for what `Past.beside` gives, and memories.
Agent = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def play(
    environment: Environment, policy: Policy, inputs: EpisodeInputs, visit: int = 0
) -> Episodes:
    """Episodes of a policy; derivatives do not flow through them.

    Arguments:
        policy: to outputs of the environment's kind of actions.
        visit: another number gives other random numbers, as every inner step needs.
    """
    width = environment.observations

    def agent(seen: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return policy(seen[:, :width]), memory

    past = beginning(environment, inputs["parameters"].new_zeros(len(inputs["keys"]), 0))
    with torch.no_grad():
        episodes, _ = play_on(environment, agent, past, inputs, visit)
    return episodes._replace(observations=episodes.observations[..., :width])


def play_on(
    environment: Environment, agent: Agent, past: Past, inputs: EpisodeInputs, visit: int = 0
) -> tuple[Episodes, Past]:
    """Episodes of an agent with a memory, as `play`, and what it carries into the next ones.

    Arguments:
        past: what it carries into these.

    The observations are those of the agent: what `Past.beside` gives. Derivatives flow through its
    memories, and not through actions and rewards.
    """
    parameters, keys = inputs["parameters"], noise.fold(inputs["keys"], visit)
    luck, rows = _luck(environment, keys), []
    state, real = environment.start(parameters), torch.ones_like(parameters[:, 0])
    for step in range(environment.horizon):
        seen = past.beside(environment.observe(state))
        outputs, memory = agent(seen, past.memory)
        with torch.no_grad():
            actions = environment.actions.draw(outputs, luck[:, step, 1:])
            outcome = environment.step(parameters, state, actions, luck[:, step, 0])
        now = Past(memory, actions, outcome.rewards, torch.zeros_like(real))
        past, state = _where(real, now, past), outcome.state
        rows.append((seen, actions, outcome.rewards * real, real, past.memory))
        real = real * ~outcome.ended
    columns = [torch.stack(column, 1) for column in zip(*rows, strict=True)]
    return Episodes(*columns), past._replace(ended=torch.ones_like(real))


def beginning(environment: Environment, memory: Tensor) -> Past:
    """The past of an agent that has not yet acted."""
    none = memory.new_zeros(len(memory))
    return Past(memory, memory.new_zeros(len(memory), environment.actions.width), none, none)


def _where(real: Tensor, now: Past, before: Past) -> Past:
    """The past after a step, which stays as it was in episodes that are over."""
    matrix = real[:, None] > 0
    return Past(
        torch.where(matrix, now.memory, before.memory),
        torch.where(matrix, now.actions, before.actions),
        torch.where(real > 0, now.rewards, before.rewards),
        torch.where(real > 0, now.ended, before.ended),
    )


def _luck(environment: Environment, keys: Tensor) -> Tensor:
    """Uniform numbers `(n, horizon, 1 + width)`: the environment's, then those of the action."""
    each = 1 + environment.actions.width
    drawn = noise.uniform(keys, environment.horizon * each)
    return drawn.unflatten(-1, (environment.horizon, each))
