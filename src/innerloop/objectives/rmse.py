"""Real targets: root mean squared error."""

from torch import Tensor

from innerloop.objectives.metric import Metric
from innerloop.objectives.regression import Regression
from innerloop.tasks import Padded


class RMSE(Regression):
    r"""The loss is the mean squared error; a task's score is its root, in units of the targets.

    .. math:: \sqrt{\frac{1}{n d} \sum_i \|\hat y_i - y_i\|^2}

    The reported mean is that of the tasks' roots, not the root of the mean over tasks.

    Arguments:
        targets: number of values to predict for each input.
        unit: of the targets, such as `N`.
    """

    def __init__(self, targets: int = 1, unit: str = "") -> None:
        super().__init__(targets)
        label = f"RMSE ({unit})" if unit else "RMSE"
        self.metric = Metric("rmse", unit=unit, higher_is_better=False, label=label)
        self.loss_unit = f"({unit})²" if unit else "units of y²"

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> dict[str, Tensor]:
        loss = self.loss(outputs, targets)
        return {"rmse": loss.sqrt(), "mse": loss}
