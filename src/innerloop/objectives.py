"""What a data set asks of a learner: the loss, the metrics, and the width of the output."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Objective(Protocol):
    """The data set owns this; an algorithm is told, and never asks what the data is."""

    metric: str  #: the headline metric, a key of `scores`
    higher_is_better: bool

    @property
    def width(self) -> int:
        """Number of outputs of a head that is trained with the learner."""

    def classes(self, training: bool) -> int | None:
        """Number of classes of a training or a test task; None for real targets."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What adaptation descends and the outer loop minimises: a scalar for `n` examples."""

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Scalars that judge one task's outputs, the headline metric first."""


class Classification:
    """Cross-entropy and accuracy over the classes of a task.

    Arguments:
        ways: classes of a training task.
        test_ways: classes of a validation or test task.
    """

    metric, higher_is_better = "accuracy", True

    def __init__(self, ways: int, test_ways: int) -> None:
        self.ways, self.test_ways = ways, test_ways

    @property
    def width(self) -> int:
        return self.ways

    def classes(self, training: bool) -> int | None:
        return self.ways if training else self.test_ways

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        hits = (outputs.argmax(-1) == targets).to(outputs.dtype)
        return {"accuracy": hits.mean(), "loss": self.loss(outputs, targets)}


class Regression:
    """Mean squared error over the targets of a task.

    Arguments:
        targets: numbers to predict for each input.
    """

    metric, higher_is_better = "mse", False

    def __init__(self, targets: int = 1) -> None:
        self.targets = targets

    @property
    def width(self) -> int:
        return self.targets

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.mean((outputs - targets) ** 2)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"mse": self.loss(outputs, targets)}
