"""Reptile: move towards what ordinary training finds (Nichol, Achiam and Schulman, "On first-order
meta-learning algorithms", 2018)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order
from innerloop.adaptation.rules import Adam
from innerloop.adaptation.selection import in_full, moving
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.maml import Adapted, positive_rate
from innerloop.algorithms.gradient.minibatches import minibatch
from innerloop.errors import UserError
from innerloop.layers.absent import mask_absent_classes
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class Reptile(Algorithm):
    r"""Trains on minibatches of a task to get :math:`\varphi`, then moves :math:`\theta` there:
    :math:`\theta \leftarrow \theta + \epsilon (\varphi - \theta)`.

    Its outer gradient :math:`\theta - \varphi` is that of
    :math:`\frac12 |\theta - \mathrm{stop}(\varphi)|^2`. A training task's support and query
    together are its training shots, more than a test task's, as in the paper.

    Arguments:
        rate: rate of the inner Adam, whose momentum is zero as in the paper.
        batch: examples of a minibatch.
        steps: minibatches of a training task.

    Shapes: as of `innerloop.algorithms.gradient.maml.MAML`.

    Deviations: minibatches walk through the shuffled examples in a circle, where the paper shuffles
    them anew at every pass. Every task starts with a fresh Adam, where the authors' code carries
    the second moment from task to task.

    References:
        Nichol, Achiam and Schulman, "On first-order meta-learning algorithms", 2018.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = Reptile(Network(MLP([1]), outputs=1), Regression(), rate=0.001, batch=2)
        >>> support = Examples(torch.ones(4, 1), torch.zeros(4, 1))
        >>> len(list(learner.adapt(support, steps=3, progress=torch.tensor(0.0))))
        4
    """

    shuffling_changes = True
    exact_meta_gradient = False

    def __init__(
        self, model: nn.Module, objective: Objective, rate: float, batch: int = 10, steps: int = 5
    ) -> None:
        super().__init__(model, objective, steps)
        if batch < 1:
            raise UserError(f"algorithm.batch={batch}: a minibatch holds at least one example.")
        self.rate, self.batch = positive_rate(rate), batch

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = {k: p.detach() for k, p in moving(self.model).items()}

        def loss(parameters: Parameters, number: int) -> Tensor:
            examples = minibatch(support, number, self.batch)
            outputs = self.call(self.model, parameters, examples.inputs)
            return self.objective.loss(mask_absent_classes(outputs, support), examples.targets)

        rule = Adam(self.rate, momentum=0.0)
        for parameters in descend(loss, start, steps, rule, first_order):
            yield Adapted(parameters)

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        return self.call(self.model, adapted.parameters, inputs)

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return in_full(self.model, adapted.parameters)

    @property
    def second_order(self) -> bool:
        return False

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        examples = task_tools.concatenate(task.support, task.query)
        *_, adapted = self.adapt(examples, self.steps, progress)
        gaps = [
            ((p - adapted.parameters[k].detach()) ** 2).sum() for k, p in moving(self.model).items()
        ]
        return 0.5 * torch.stack(gaps).sum()
