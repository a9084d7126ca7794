"""Objectives that innerloop does not have: an unbounded return, and a rank."""

import torch
from torch import Tensor

from innerloop.objectives import Answers, Metric, Objective


class Return(Objective):
    """A return in points, shown doubled: higher is better, and zero has no special meaning."""

    metric = Metric("return", unit="points", scale=2.0)
    answers: Answers = None
    width = 1

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.mean((outputs - targets) ** 2)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"return": -100.0 * self.loss(outputs, targets), "loss": self.loss(outputs, targets)}


class Rank(Return):
    """A rank: lower is better, 1 is best, and large values are not a divergence."""

    metric = Metric("rank", higher_is_better=False)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"rank": 1.0 + self.loss(outputs, targets)}
