"""Ratings: squared error to learn from, absolute error to judge by."""

from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers
from innerloop.objectives.regression import errors, mean_of_rows
from innerloop.tasks import Padded


class Rating:
    r"""Stars between two ends. Outputs are stars; scores cut them off at the ends.

    .. math:: L = \frac1n \sum_i h(\hat y_i - y_i), \qquad MAE = \frac1n \sum_i |\hat y_i - y_i|

    with :math:`h(e) = \delta^2 (\sqrt{1 + e^2 / \delta^2} - 1) \cdot 2`, which is :math:`e^2` for
    small errors and grows as :math:`2 \delta |e|` for large ones; without :math:`\delta` it is
    :math:`e^2`.

    Arguments:
        lowest, highest: the ends, in stars.
        bend: :math:`\delta`, in stars: the smaller, the closer the loss is to the absolute error,
            but for a factor. None for squared error.

    Raises:
        UserError: for ends in the wrong order, or a bend that is not positive.

    Example:
        >>> Rating(1, 5).scores(torch.tensor([[6.0], [2.0]]), torch.tensor([[5.0], [3.0]]))
        {'mae': tensor(0.5000), 'rmse': tensor(0.7071)}
    """

    loss_unit = "stars²"
    metric = Metric("mae", unit="stars", higher_is_better=False, label="absolute error (stars)")
    answers: Answers = "targets"
    width = 1

    def __init__(self, lowest: float = 1, highest: float = 5, bend: float | None = None) -> None:
        if not lowest < highest:
            raise UserError(f"objective: lowest={lowest} must be below highest={highest}.")
        if bend is not None and not bend > 0:
            raise UserError(f"objective.bend={bend}: give a number above 0, or null.")
        self.lowest, self.highest, self.bend = lowest, highest, bend

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor | Padded) -> Tensor:
        squares = errors(outputs, targets).square()
        if self.bend is not None:
            squares = 2 * self.bend**2 * ((1 + squares / self.bend**2).sqrt() - 1)
        return mean_of_rows(squares, targets)

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> dict[str, Tensor]:
        """`mae` and `rmse` of one task's queries, in stars."""
        distances = errors(outputs.clamp(self.lowest, self.highest), targets)
        return {
            "mae": mean_of_rows(distances.abs(), targets),
            "rmse": mean_of_rows(distances.square(), targets).sqrt(),
        }
