"""2D navigation: a goal for each task (Finn, Abbeel and Levine 2017, section 5.3)."""

from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.worlds import Worlds
from innerloop.tasks import Task


class Navigation2D(Worlds):
    r"""Goals uniform in :math:`[-0.5, 0.5]^2`; `innerloop.environments.navigation` has the rules.

    A policy that does not know the goal cannot do better than to stand still at the origin, whose
    expected return in 100 steps is -38.3.

    References:
        Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast adaptation of deep
        networks", 2017.
    """

    quantity = "reward (negative distance to the goal)"

    def parameters(self, keys: np.ndarray) -> np.ndarray:
        return sampling.uniform(keys, 2) - 0.5

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {"standing still": self._still, "random steps": self.rewards_of(self.random_policy)}

    def _still(self, task: Task) -> Tensor:
        """The rewards of an agent that stays at the origin."""
        distances = task.query.inputs["parameters"].norm(dim=1, keepdim=True)
        return -distances.expand(-1, self.environment.horizon)
