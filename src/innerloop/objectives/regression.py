"""Real targets: mean squared error."""

import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers


class Regression:
    """Mean squared error over the targets of a task.

    Arguments:
        targets: numbers to predict for each input.

    Raises:
        UserError: for none.
    """

    loss_unit = "units of y²"
    metric = Metric("mse", log=True, higher_is_better=False, label=f"squared error ({loss_unit})")
    answers: Answers = "targets"

    def __init__(self, targets: int = 1) -> None:
        if targets < 1:
            raise UserError(f"objective.targets={targets}: give 1 or more.")
        self.targets = targets

    @property
    def width(self) -> int:
        return self.targets

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of outputs `(n, d)` and targets `(n, d)`, or `(n,)` for a single target.

        Raises:
            UserError: for other shapes, which would be broadcast.
        """
        if targets.shape != outputs.shape:
            if targets.shape != outputs.shape[:1] or outputs.shape[1:] != (1,):
                raise UserError(
                    f"The learner's outputs have the shape {tuple(outputs.shape)} and the targets "
                    f"{tuple(targets.shape)}: a regression compares numbers one by one. Set "
                    "objective.targets to the numbers that each input has."
                )
            targets = targets[:, None]
        return torch.mean((outputs - targets) ** 2)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"mse": self.loss(outputs, targets)}
