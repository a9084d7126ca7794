"""Simulated plants: predict the forces of a new one, and follow a path with their help."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data import linear, sampling
from innerloop.data.curves import check_no_classes
from innerloop.data.plants import HIGHEST, LOWEST, Plant, References, forms, tracking_error
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Inputs, Task

VERSION = 1  #: increase it whenever the same key would draw another task
SPAN = np.array([2.0, 3.0])  #: metres and metres per second of the states
PATHS = 4  #: that a plant follows in a trial


class PlantTracking(TaskSource):
    """A task is a plant with parameters of its own: states with the accelerations that nobody
    commanded, and further states to predict them for.

    States are uniform in positions up to 2 m and speeds up to 3 m/s; the known accelerations have
    normal noise. The parameters are uniform, see `innerloop.data.plants`. A trial closes the loop:
    a controller that cancels the predicted acceleration follows four paths.

    Arguments:
        noise: deviation of the measurement of a known acceleration, in m/s².

    Raises:
        UserError: for negative noise.
    """

    has_trials = True

    def __init__(self, noise: float = 0.3) -> None:
        if noise < 0:
            raise UserError(f"dataset.noise={noise}: a standard deviation is 0 or more.")
        self.noise = noise

    def check(self, split: str, episode: Episode) -> None:
        check_no_classes(episode)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        _, shots, queries = episode.numbers
        keys = self._keys(split, indices, seed)
        uniform = sampling.uniform(keys[:, 1], 2 * (shots + queries)).reshape(len(keys), -1, 2)
        states = torch.from_numpy((2 * uniform - 1) * SPAN).float()
        truth = torch.stack(
            [self.plant(key).disturbance(own) for key, own in zip(keys, states, strict=True)]
        )
        noise = torch.from_numpy(sampling.normal(keys[:, 2], shots)).float()[..., None]
        known = truth[:, :shots] + self.noise * noise
        return Task(
            Examples(states[:, :shots], known), Examples(states[:, shots:], truth[:, shots:])
        )

    def trial(self, split: str, index: int, seed: int, answer: Callable[[Inputs], Tensor]) -> float:
        (keys,) = self._keys(split, np.array([index]), seed)
        drawn = torch.from_numpy(sampling.uniform(keys[3], 3 * PATHS)).float().view(3, PATHS)
        paths = References(1 + 0.5 * drawn[0], 0.5 + drawn[1], 6.28 * drawn[2])
        return tracking_error(self.plant(keys), paths, answer)

    def plant(self, keys: np.ndarray) -> Plant:
        """The plant of a task."""
        drawn = LOWEST + (HIGHEST - LOWEST) * sampling.uniform(keys[0], len(LOWEST))
        return Plant(torch.from_numpy(drawn).float())

    def _keys(self, split: str, indices: np.ndarray, seed: int) -> np.ndarray:
        """Of the plant, the states, the noise and the paths, `(T, 4)`."""
        return sampling.split(sampling.keys(seed, f"plants/{split}", indices), 4)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {
            "no compensation": lambda task: torch.zeros_like(task.query.targets),
            "mean of the support": linear.mean_of_support,
            "linear on the support": linear.ridge_of_support(1.0),
            "least squares in the plant's own form": _own_form,
        }

    def fingerprint(self, split: str) -> str:
        return f"plant_tracking v{VERSION} noise={self.noise}"


def _own_form(task: Task) -> Tensor:
    """The parameters of least squares: only who knows the plant's equation can fit them."""
    design = forms(task.support.inputs).double()
    weights = linear.ridge(design, task.support.targets.double(), 1e-6)
    return (forms(task.query.inputs).double() @ weights).float()
