"""Learners whose body is trained by classification: a classifier of all training classes."""

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.objectives import Objective
from innerloop.tasks import Task


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

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """Cross-entropy over the training classes; a support, if there is one, is not used."""
        outputs: Tensor = self.head(task_tools.values(task.query.inputs))
        return self.objective.loss(outputs, task.query.targets)
