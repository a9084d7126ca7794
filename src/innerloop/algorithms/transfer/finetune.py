"""Fine-tuning of the whole backbone on each task (Hu et al., "Pushing the limits of simple
pipelines for few-shot learning: external data and fine-tuning make a difference", 2022)."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order
from innerloop.adaptation.rules import Adam
from innerloop.adaptation.selection import in_full, moving
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.cosine import cosines
from innerloop.layers.distances import class_means
from innerloop.layers.views import with_views
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task

DOMAIN_RATES = (0.0, 0.0001, 0.001, 0.01)  #: of which `per_domain` chooses, as the authors' code
SELECTING_TASKS = 5  #: labelled tasks by which it chooses


class Adapted(NamedTuple):
    """A backbone that was fine-tuned on a task, and the centroids of its features."""

    parameters: Parameters
    centroids: Tensor  #: `(ways, d)`


class FineTune(Algorithm):
    r"""Outputs :math:`\tau \cos(f(x), c_k)` with the mean features :math:`c_k` of the classes.

    Training is that of prototypical networks, without inner steps. For a test task, Adam fine-tunes
    the whole backbone on views v of its support, which the centroids of the support are to
    classify, with the rate :math:`\alpha`:

    .. math:: \min_\varphi \sum_{x, y, v} L(\tau \cos(f_\varphi(v(x)), c_k(\varphi)), y).

    Choose :math:`\alpha` on validation tasks: `search=finetune`. The paper's own figures choose it
    for each test domain: `algorithm=finetune_per_domain` does so, and says so in its results.

    Shapes: features are `(n, d)`, centroids `(ways, d)`, outputs `(queries, ways)`.

    References:
        Hu, Li, Stühmer, Kim and Hospedales, "Pushing the limits of simple pipelines for few-shot
        learning: external data and fine-tuning make a difference", 2022 (P>M>F).

    Deviations: the authors' code takes 50 steps on random augmentations; here they are few, on
    fixed shifts, the same in every run. It starts from a pretrained ViT, which is a matter of
    `model` and `init_from`. The temperature is a constant.

    Arguments:
        model: `body`, to features `(n, d)`; its head is not used.
        rate: :math:`\alpha`; 0 leaves the backbone as it is.
        per_domain: whether the test begins with the choice of :math:`\alpha` from 0, 0.0001, 0.001
            and 0.01 by the accuracy on five labelled tasks of the test's own classes, as in the
            authors' code. It is then an optimistic figure, and the result is stamped so.
        steps: steps of Adam.
        views: of each support image in the loss; 1 for the images alone.
        temperature: :math:`\tau`.

    Raises:
        UserError: for a negative rate, less than one view, and a temperature that is not positive.

    Example:
        >>> import torch
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = FineTune(Network(MLP([2]), 2), Classification(2, 2), rate=0.1, steps=3)
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> path = learner.trajectory(Task(support, support), 3, progress=torch.tensor(1.0))
        >>> [tuple(outputs.shape) for _, outputs in path]
        [(2, 2), (2, 2), (2, 2), (2, 2)]
    """

    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True
    second_order = False  # training takes no inner steps

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 5,
        views: int = 1,
        temperature: float = 10.0,
        per_domain: bool = False,
    ) -> None:
        super().__init__(model, objective, steps)
        if not rate >= 0 or views < 1 or not temperature > 0:
            raise UserError(
                f"algorithm.rate={rate}, algorithm.views={views}, algorithm.temperature="
                f"{temperature}: fine-tuning takes a rate of 0 or more, one view or more of each "
                "image and a temperature above zero, such as 0.001, 4 and 10."
            )
        self.rate, self.views, self.temperature = rate, views, temperature
        self.selecting_tasks = SELECTING_TASKS if per_domain else 0

    def select(self, tasks: Task, steps: int, progress: Tensor) -> None:
        """Takes the rate with the best accuracy, of equal ones the smallest."""

        def accuracy(rate: float) -> float:
            self.rate = rate
            return float(self.scores(tasks, steps, progress, at=(steps,))["accuracy"].mean())

        self.rate = max(DOMAIN_RATES, key=accuracy)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = moving(self.model)
        fixed = {k: p for k, p in self.model.named_parameters() if k not in start}

        def loss(
            parameters: Parameters, number: int, fixed: Parameters, support: Examples
        ) -> Tensor:
            seen = self.seen(support)
            centroids = self.centroids(fixed | parameters, support)
            outputs = self.outputs(Adapted(fixed | parameters, centroids), seen.inputs)
            return self.objective.loss(mask_absent_classes(outputs, support), seen.targets)

        for parameters in descend(
            loss, start, steps, Adam(self.rate), first_order, given=(fixed, support)
        ):
            tuned = fixed | parameters
            yield Adapted(tuned, self.centroids(tuned, support))

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        return self.outputs(adapted, inputs)

    def outputs(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        """Scaled cosines `(n, ways)` of features and centroids."""
        features = self.call(self.model, adapted.parameters, inputs)
        return self.temperature * cosines(features, adapted.centroids)

    def centroids(self, parameters: Parameters, support: Examples) -> Tensor:
        """The mean features of the classes, `(ways, d)`."""
        features = task_tools.like(
            support.inputs, self.call(self.model, parameters, support.inputs)
        )
        ways = self.objective.classes(self.training) or 0
        return class_means(Examples(features, support.targets), ways)

    def seen(self, support: Examples) -> Examples:
        """The support as the loss sees it: its views."""
        if self.views == 1:
            return support
        return task_tools.only(with_views(task_tools.alone(support), self.views))

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """The query loss without inner steps."""
        ((_, outputs),) = self.trajectory(task, 0, progress, embedded=True)
        return self.objective.loss(outputs, task.query.targets)

    def measures(self, adapted: Adapted) -> dict[str, Tensor]:
        """The rate that `per_domain` chose."""
        return {"rate": adapted.centroids.new_tensor(self.rate)} if self.selecting_tasks else {}

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return in_full(self.model, adapted.parameters) | {"centroids": adapted.centroids}
