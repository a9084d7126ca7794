"""Real targets: mean squared error."""

import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Tasks
from innerloop.tasks import Padded


class Regression:
    """Mean squared error over the targets of a task.

    Arguments:
        targets: number of values to predict for each input.

    Raises:
        UserError: for less than one.
    """

    loss_unit = "units of y²"
    metric = Metric("mse", log=True, higher_is_better=False, label="MSE")
    answers: Answers = "targets"
    tasks: Tasks = "examples"

    def __init__(self, targets: int = 1) -> None:
        if targets < 1:
            raise UserError(f"objective.targets={targets}: give 1 or more.")
        self.targets = targets

    @property
    def width(self) -> int:
        return self.targets

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor | Padded) -> Tensor:
        r"""The mean of :math:`(\hat y - y)^2` over examples and values.

        Arguments:
            outputs: `(n, d)`.
            targets: `(n, d)`, or `(n,)` if d is 1; `Padded` in tasks of unequal size.

        Raises:
            UserError: for other shapes, which torch would broadcast.
        """
        return mean_of_rows(errors(outputs, targets).square(), targets)

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> dict[str, Tensor]:
        return {"mse": self.loss(outputs, targets)}


def errors(outputs: Tensor, targets: Tensor | Padded) -> Tensor:
    """Outputs minus targets, `(n, d)`; those of padding mean nothing."""
    values = targets.values if isinstance(targets, Padded) else targets
    return outputs - _alike(values, outputs)


def mean_of_rows(values: Tensor, targets: Tensor | Padded) -> Tensor:
    """The mean of values `(n, d)` over the rows that are real."""
    if isinstance(targets, Padded):
        return torch.where(targets.real, values.mean(1), 0).sum() / targets.real.sum()
    return values.mean()


def _alike(targets: Tensor, outputs: Tensor) -> Tensor:
    """The targets in the shape of the outputs."""
    if targets.shape == outputs.shape:
        return targets
    if targets.shape != outputs.shape[:1] or outputs.shape[1:] != (1,):
        raise UserError(
            f"The learner's outputs have the shape {tuple(outputs.shape)} and the targets "
            f"{tuple(targets.shape)}: a regression compares numbers one by one. Set "
            "objective.targets to the numbers that each input has."
        )
    return targets[:, None]
