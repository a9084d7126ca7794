"""Rewards of episodes: the return is their sum."""

from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Tasks


class Return:
    r"""Outputs are rewards :math:`r_{it}` of episode i at step t; nothing is compared with targets.

    .. math:: L = -\frac{1}{n H} \sum_{it} r_{it}, \qquad
        \text{return} = \frac1n \sum_i \sum_t r_{it}

    Arguments:
        outputs: numbers that a policy gives for an action.

    Raises:
        UserError: for less than one.

    Example:
        >>> Return(outputs=2).scores(torch.ones(3, 10), torch.zeros(3, 0))
        {'return': tensor(10.), 'loss': tensor(-1.)}
    """

    metric = Metric("return", label="return of an episode")
    answers: Answers = None
    loss_unit = "reward of a step, negative"
    tasks: Tasks = "environments"

    def __init__(self, outputs: int) -> None:
        if outputs < 1:
            raise UserError(f"objective.outputs={outputs}: give 1 or more.")
        self.outputs = outputs

    @property
    def width(self) -> int:
        return self.outputs

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return -outputs.mean()

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"return": outputs.sum(-1).mean(), "loss": self.loss(outputs, targets)}
