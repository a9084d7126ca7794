"""A point in the plane that must reach a goal which it does not see."""

import torch
from torch import Tensor

from innerloop.environments.actions import Continuous
from innerloop.environments.environment import Outcome
from innerloop.errors import UserError

FASTEST = 0.1  #: in each direction
SPREAD = 0.5  #: of a new policy's actions, in shares of the fastest
NEAR = 0.01  #: an episode ends when both coordinates are as near to the goal


class Navigation:
    r"""2D navigation: position :math:`x_{t+1} = x_t + a_t` with each part of the action cut off at
    ±0.1, reward :math:`-\|x_{t+1} - g\|`.

    The parameters are the goal g; a policy sees its position. An episode begins at the origin, and
    ends within 0.01 of the goal.

    Arguments:
        horizon: steps of an episode.

    Raises:
        UserError: for a horizon below 1.

    Deviations: the paper says that the reward is the negative squared distance; its public code
    has the distance itself, as here, and only that fits the returns of the paper.

    References:
        Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast adaptation of deep
        networks", 2017, section 5.3.
    """

    observations = 2

    def __init__(self, horizon: int = 100) -> None:
        if horizon < 1:
            raise UserError(f"dataset.environment.horizon={horizon}: give 1 or more steps.")
        self.horizon, self.parameters = horizon, 2
        self.actions = Continuous(2, scale=FASTEST, spread=SPREAD)

    def start(self, parameters: Tensor) -> Tensor:
        return torch.zeros_like(parameters)

    def observe(self, state: Tensor) -> Tensor:
        return state

    def step(self, parameters: Tensor, state: Tensor, actions: Tensor, luck: Tensor) -> Outcome:
        state = state + actions.clamp(-FASTEST, FASTEST)
        gap = state - parameters
        return Outcome(state, -gap.norm(dim=-1), (gap.abs() < NEAR).all(-1))
