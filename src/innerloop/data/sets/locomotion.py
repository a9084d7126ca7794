"""Running forwards or backwards: a direction for each task (Finn, Abbeel and Levine 2017)."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.worlds import Worlds
from innerloop.environments.locomotion import Locomotion
from innerloop.tasks import Task


class Directions(Worlds):
    """The directions +1 and -1, both equally likely; `innerloop.environments.locomotion` has the
    rules.

    Training, validation and test have the same two directions, as in the paper, and episodes with
    random numbers of their own.

    Arguments:
        environment: the robot.

    References:
        Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast adaptation of deep
        networks", 2017.
    """

    environment: Locomotion

    def parameters(self, keys: np.ndarray) -> np.ndarray:
        return 1 - 2 * sampling.integers(keys, 2, 1)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {
            "random policy": self.rewards_of(self.random_policy),
            "standing still": self.rewards_of(self._still),
        }

    def _still(self, seen: Tensor) -> Tensor:
        """Outputs of actions near 0."""
        outputs = self.random_policy(seen)
        outputs[:, outputs.shape[1] // 2 :] = -torch.inf
        return outputs

    def fingerprint(self, split: str) -> str:
        return f"{super().fingerprint(split)} robot={self.environment.robot.file}"
