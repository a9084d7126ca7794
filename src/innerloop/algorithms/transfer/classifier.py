"""Learners whose body is trained by classification: a classifier of all training classes."""

from collections.abc import Collection, Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order
from innerloop.adaptation.rules import SGD
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.absent import mask_absent_classes
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Task


class Classifier(Algorithm):
    """Trains body and head by cross-entropy over all training classes, on plain batches.

    A subclass says how the body's features serve a task: its `adapt` sees features `(n, width)`,
    and its `predict` answers them.

    Arguments:
        model: `body`, to features `(n, width)`, and a linear `head` with an output for each
            training class, as `training=batches` gives it.

    Raises:
        UserError: for a head that is not linear.
    """

    needs_classes = True
    relabelling_permutes = True
    trains_on_batches = True
    fixed_ways = False

    def __init__(self, model: nn.Module, objective: Objective, steps: int = 0) -> None:
        super().__init__(model, objective, steps)
        if not isinstance(self.model.head, nn.Linear):
            raise UserError(
                f"{type(self).__name__} trains a linear classifier, and this model's head is a "
                f"{type(self.model.head).__name__}: give it an nn.Linear."
            )

    @property
    def head(self) -> nn.Linear:
        """The head of the training classes."""
        return self.model.head  # type: ignore[return-value]

    @property
    def ways(self) -> int:
        """The number of classes of a task."""
        return self.objective.classes(self.training) or 0

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def trajectory(
        self,
        task: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
        embedded: bool = False,
    ) -> Iterator[tuple[Adapted, Tensor]]:
        """As for every algorithm; a plain batch, which has no support, gets the outputs of the
        training classes' head after every step."""
        if task_tools.count(task.support) > 0:
            yield from super().trajectory(task, steps, progress, at, embedded)
            return
        if not embedded:
            task = task_tools.only(self.embed(task_tools.alone(task)))
        outputs = self.head(task_tools.values(task.query.inputs))
        for step in range(steps + 1 if self.adapts_by_steps else 1):
            if at is None or step in at or not self.adapts_by_steps:
                yield None, outputs

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """Cross-entropy over the training classes; a support, if there is one, is not used."""
        outputs: Tensor = self.head(task_tools.values(task.query.inputs))
        return self.objective.loss(outputs, task.query.targets)

    def fit(
        self, head: Parameters, support: Examples, steps: int, rate: float, decay: float
    ) -> Iterator[Parameters]:
        """Yields the head after 0, 1, ... `steps` steps of gradient descent on the support.

        Arguments:
            head: what the descent starts from.
            support: features `(n, width)` and labels.
            rate: of the descent.
            decay: weight decay of all parameters of the head.
        """

        def loss(head: Parameters, number: int, support: Examples) -> Tensor:
            outputs = self.call(self.head, head, support.inputs)
            outputs = mask_absent_classes(outputs, support)
            squares = sum((p * p).sum() for p in head.values())
            return self.objective.loss(outputs, support.targets) + decay / 2 * squares

        yield from descend(loss, head, steps, SGD(rate), first_order, given=(support,))


def check_fit(rate: float, decay: float) -> None:
    """Raises `UserError` for a rate or a weight decay with which no head can be fitted."""
    if not rate > 0 or not decay >= 0:
        raise UserError(
            f"algorithm.rate={rate}, algorithm.decay={decay}: the fit of a head takes a rate "
            "above zero and a decay of zero or more, such as 0.01 and 0.001."
        )
