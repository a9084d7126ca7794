"""The scores of one evaluation's tasks, in the order of their list for any number of processes."""

from collections.abc import Mapping

from torch import Tensor, full
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from innerloop.evaluation.interval import NORMAL_95


class Measured:
    """The scores of all tasks, with their mean and the half-width of its 95% interval.

    This is not a named tuple because torchmetrics would remove the shape of its single values.

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

    def first(self, tasks: int | None) -> "Measured":
        """The scores of the first tasks; of all for None."""
        return Measured(self.scores[:tasks])


class TestScores:
    """The scores of a test.

    Arguments:
        scored: of all tasks at the scored step: `(tasks,)` by metric, or `(tasks, d)` for what is
            pooled over tasks (`innerloop.evaluation.pooled`).
        curve: of the first tasks after every inner step, `(n, steps + 1)` or `(n, steps + 1, d)`.
    """

    __test__ = False  # for pytest, which takes the name for a test's

    def __init__(
        self,
        scored: Mapping[str, Measured] | None = None,
        curve: Mapping[str, Measured] | None = None,
    ) -> None:
        self.pooled = {k: m for k, m in (scored or {}).items() if m.scores.dim() > 1}
        self.pooled_curve = {k: m for k, m in (curve or {}).items() if m.scores.dim() > 2}
        self.scored = {k: m.scores for k, m in (scored or {}).items() if m.scores.dim() == 1}
        self.curve = {k: m.scores for k, m in (curve or {}).items() if m.scores.dim() == 2}


class OverTasks(Metric):
    """Mean over tasks with its interval.

    The processes gather their scores. Every batch comes with its place in the list of batches, so
    that the tasks return in order and the mean is the same to the last bit for any number of
    processes.
    """

    full_state_update = False
    scores: list[Tensor]
    places: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("places", default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, place: int) -> None:
        """Adds the `(tasks, ...)` scores of the batch at `place` in the list."""
        self.scores.append(scores.detach())
        self.places.append(full((len(scores),), place, device=scores.device))

    def compute(self) -> Measured:
        """The scores of all processes together."""
        order = dim_zero_cat(self.places).argsort(stable=True)
        return Measured(dim_zero_cat(self.scores)[order].cpu())


class Evaluation:
    """An `OverTasks` for each metric of an objective."""

    def __init__(self) -> None:
        self.metrics: dict[str, OverTasks] = {}

    def add(self, scores: Mapping[str, Tensor], place: int) -> None:
        """Adds the scores of one batch of tasks, see `OverTasks.update`."""
        for name, values in scores.items():
            self.metrics.setdefault(name, OverTasks()).update(values, place)

    def take(self) -> dict[str, Measured]:
        """Returns the scores, the same in every process, and starts anew."""
        metrics, self.metrics = self.metrics, {}
        return {name: metric.compute() for name, metric in metrics.items()}
