"""Bernoulli bandits: new probabilities for each task (Duan et al. 2016, section 3.1)."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.sketch import Sketch
from innerloop.data.worlds import Worlds
from innerloop.environments import bandit_agents
from innerloop.environments.bandit import Bandit
from innerloop.tasks import Task

SCALE = 0.2  #: of UCB1's bound, the best of 0.1, 0.2, 0.3, 0.5 and 1 on other bandits


class Bandits(Worlds):
    """Probabilities uniform in 0..1; `innerloop.environments.bandit` has the rules.

    An episode is a whole trial: it starts without any knowledge of the arms.

    Arguments:
        environment: the bandit.

    References:
        Duan, Schulman, Chen, Bartlett, Sutskever and Abbeel, "RL2: fast reinforcement learning via
        slow reinforcement learning", 2016.
    """

    quantity = "total reward so far"
    environment: Bandit

    def parameters(self, keys: np.ndarray) -> np.ndarray:
        return sampling.uniform(keys, self.environment.parameters)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        arms, horizon = self.environment.parameters, self.environment.horizon
        choices: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "random arms": bandit_agents.uniform,
            "UCB1": partial(bandit_agents.ucb1, scale=SCALE),
            "Thompson sampling": bandit_agents.thompson,
            "Gittins index": partial(bandit_agents.gittins, horizon=horizon),
        }
        return {
            name: self.rewards_with(bandit_agents.counting(arms, logits), 2 * arms)
            for name, logits in choices.items()
        }

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        return super().sketch(task, outputs.cumsum(1))

    def fingerprint(self, split: str) -> str:
        return f"{super().fingerprint(split)} arms={self.environment.parameters}"
