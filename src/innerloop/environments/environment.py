"""The interface of environments."""

from typing import NamedTuple, Protocol

from torch import Tensor

from innerloop.environments.actions import Actions


class Outcome(NamedTuple):
    """What a step leads to.

    Arguments:
        state: `(n, s)`.
        rewards: `(n,)`.
        ended: `(n,)` bool, whether the episode is over.
    """

    state: Tensor
    rewards: Tensor
    ended: Tensor


class Environment(Protocol):
    """A family of environments, which differ in their parameters.

    Its methods are pure functions of `n` episodes, and run under `vmap`.
    """

    horizon: int  #: steps of an episode at most
    observations: int  #: numbers that a policy sees
    parameters: int  #: p, numbers that tell the environments apart

    @property
    def actions(self) -> Actions:
        """What a policy does."""

    def start(self, parameters: Tensor) -> Tensor:
        """States `(n, s)` at the start of episodes with these parameters, `(n, p)`."""

    def observe(self, state: Tensor) -> Tensor:
        """What a policy sees of states, `(n, observations)`; never the parameters."""

    def step(self, parameters: Tensor, state: Tensor, actions: Tensor, luck: Tensor) -> Outcome:
        """The outcome of actions `(n, width)`; `luck` `(n,)` are uniform random numbers."""
