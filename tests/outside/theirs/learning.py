"""An algorithm, a data set and an objective, as users may have in their own repository."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data import sampling
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.objectives import Answers, Metric, Objective
from innerloop.tasks import Episode, Examples, Task


class AbsoluteError(Objective):
    """Mean absolute error, an objective that innerloop does not have."""

    metric = Metric("mae", log=True, higher_is_better=False)
    answers: Answers = "targets"
    width = 1

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).abs().mean()

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"mae": self.loss(outputs, targets)}


class Ramps(TaskSource):
    """Lines through the origin."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        draws = sampling.uniform(
            sampling.keys(seed, split, indices), 1 + episode.shots + episode.queries
        )
        x = torch.from_numpy(draws[:, 1:, None]).float()
        y, n = x * torch.from_numpy(draws[:, :1, None]).float(), episode.shots
        return Task(Examples(x[:, :n], y[:, :n]), Examples(x[:, n:], y[:, n:]))

    def fingerprint(self, split: str) -> str:
        return "ramps"


class MeanHead(Algorithm):
    """Adds the mean error of the support's predictions to every prediction."""

    adapts_by_steps = False

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__(model, objective)
        if objective.classes(training=True) is not None:
            raise UserError("MeanHead predicts numbers: choose a data set with real targets.")

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield (support.targets - self.model(support.inputs)).mean(0)

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return self.model(inputs) + adapted
