"""What the tasks of one evaluation scored, in the order of their list, however many processes."""

from collections.abc import Mapping

from torch import Tensor, full
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from innerloop.evaluation.interval import NORMAL_95


class Measured:
    """The scores of all tasks, with their mean and the half-width of its 95% interval.

    No named tuple, whose single values torchmetrics would strip of their shape.

    Arguments:
        scores: `(tasks, ...)`, on the CPU.
    """

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    @property
    def mean(self) -> Tensor:
        """`(...)`, in float64."""
        return self.scores.double().mean(0)

    @property
    def ci95(self) -> Tensor:
        r""":math:`1.96\, s / \sqrt{n}` with the sample's deviation s: `(...)`, in float64."""
        deviation = self.scores.double().std(0, correction=1)
        return NORMAL_95 * deviation / len(self.scores) ** 0.5


class OverTasks(Metric):
    """Mean over tasks with its interval.

    Processes gather what they saw; every batch brings its place in the list of batches, so that
    the tasks come back in order, and the mean is the same to the last bit, for any number of them.
    """

    full_state_update = False
    scores: list[Tensor]
    places: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("places", default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, place: int) -> None:
        """Takes the `(tasks, ...)` scores of the batch that is number `place` of the list."""
        self.scores.append(scores.detach())
        self.places.append(full((len(scores),), place, device=scores.device))

    def compute(self) -> Measured:
        """What all processes saw together."""
        order = dim_zero_cat(self.places).argsort(stable=True)
        return Measured(dim_zero_cat(self.scores)[order].cpu())


class Evaluation:
    """One such metric for each name that an objective scores."""

    def __init__(self) -> None:
        self.metrics: dict[str, OverTasks] = {}

    def add(self, scores: Mapping[str, Tensor], place: int) -> None:
        """Takes the scores of one batch of tasks, see `OverTasks.update`."""
        for name, values in scores.items():
            self.metrics.setdefault(name, OverTasks()).update(values, place)

    def take(self) -> dict[str, Measured]:
        """What was measured, the same in every process; forgets it."""
        metrics, self.metrics = self.metrics, {}
        return {name: metric.compute() for name, metric in metrics.items()}
