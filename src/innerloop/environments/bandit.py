"""Arms that pay with probabilities which a player must find out."""

import torch
from torch import Tensor

from innerloop.environments.actions import Discrete
from innerloop.environments.environment import Outcome
from innerloop.errors import UserError


class Bandit:
    """A multi-armed bandit: the chosen arm pays 1 with its own probability, else 0.

    The parameters are the probabilities. There is nothing to see: the only observation is 0.

    Arguments:
        arms: number of choices.
        horizon: pulls of an episode.

    Raises:
        UserError: for a horizon below 1, or fewer than two arms.

    References:
        Duan, Schulman, Chen, Bartlett, Sutskever and Abbeel, "RL2: fast reinforcement learning via
        slow reinforcement learning", 2016, section 3.1.
    """

    observations = 1

    def __init__(self, arms: int = 5, horizon: int = 100) -> None:
        if horizon < 1 or arms < 2:
            raise UserError(
                f"dataset.environment.horizon={horizon}, arms={arms}: give 1 or more pulls, and 2 "
                "or more arms."
            )
        self.horizon, self.parameters, self.actions = horizon, arms, Discrete(arms)

    def start(self, parameters: Tensor) -> Tensor:
        return torch.zeros_like(parameters[:, :1])

    def observe(self, state: Tensor) -> Tensor:
        return state

    def step(self, parameters: Tensor, state: Tensor, actions: Tensor, luck: Tensor) -> Outcome:
        pays = luck < (parameters * actions).sum(-1)
        return Outcome(state, pays.to(state.dtype), torch.zeros_like(pays))
