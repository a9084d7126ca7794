"""Ratings: squared error to learn from, absolute error to judge by."""

from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Tasks
from innerloop.objectives.regression import errors, mean_of_rows
from innerloop.tasks import Padded


class Rating:
    r"""Stars between two ends. Outputs are stars; scores cut them off at the ends.

    .. math:: L = \frac1n \sum_i (\hat y_i - y_i)^2, \qquad MAE = \frac1n \sum_i |\hat y_i - y_i|

    Arguments:
        lowest, highest: the ends, in stars.

    Raises:
        UserError: for ends in the wrong order.

    Example:
        >>> Rating(1, 5).scores(torch.tensor([[6.0], [2.0]]), torch.tensor([[5.0], [3.0]]))
        {'mae': tensor(0.5000), 'rmse': tensor(0.7071)}
    """

    loss_unit = "stars²"
    metric = Metric("mae", unit="stars", higher_is_better=False, label="MAE (stars)")
    answers: Answers = "targets"
    tasks: Tasks = "examples"
    width = 1

    def __init__(self, lowest: float = 1, highest: float = 5) -> None:
        if not lowest < highest:
            raise UserError(f"objective: lowest={lowest} must be below highest={highest}.")
        self.lowest, self.highest = lowest, highest

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor | Padded) -> Tensor:
        return mean_of_rows(errors(outputs, targets).square(), targets)

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> dict[str, Tensor]:
        """`mae` and `rmse` of one task's queries, in stars."""
        distances = errors(outputs.clamp(self.lowest, self.highest), targets)
        return {
            "mae": mean_of_rows(distances.abs(), targets),
            "rmse": mean_of_rows(distances.square(), targets).sqrt(),
        }
