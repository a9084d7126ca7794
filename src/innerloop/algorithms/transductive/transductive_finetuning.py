"""Transductive fine-tuning: a head that is also sure of the queries (Dhillon, Chaudhari,
Ravichandran and Soatto, "A baseline for few-shot image classification", 2020)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order
from innerloop.adaptation.rules import Adam
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.cosine import unit
from innerloop.layers.distances import class_means
from innerloop.layers.entropy import conditional_entropy, counted_rows
from innerloop.objectives import Objective
from innerloop.precision import in_full
from innerloop.tasks import Examples, Inputs


class TransductiveFinetuning(Classifier):
    r"""Outputs :math:`\tau (W x + b)` on unit features, with a head that starts at the unit mean of
    each class and zero, and descends on the support's loss and the entropy of the queries' answers:

    .. math:: \min_{W,b} L_{support}(W, b) + H(Y_{query}|X_{query}).

    Shapes: features are `(n, d)`, W is `(ways, d)`, b `(ways,)`, outputs `(queries, ways)`.

    References:
        Dhillon, Chaudhari, Ravichandran and Soatto, "A baseline for few-shot image classification",
        2020.

    Deviations: the paper fine-tunes the whole network, at 0.00005 for 25 epochs of support and
    queries; here the body stays as it is and only the head descends, with a larger rate. The
    paper's head reads the outputs of the training classes; this one reads the features.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        temperature: :math:`\tau`.
        rate: learning rate of Adam.
        updates: steps of Adam.

    Example:
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> model = Network(Identity([2]), 64)
        >>> learner = TransductiveFinetuning(model, Classification(64, 2)).eval()
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(1.0))
        >>> learner.predict(adapted, 3 * torch.eye(2)).argmax(1)
        tensor([0, 1])
    """

    adapts_by_steps = False
    joint_queries = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        temperature: float = 10.0,
        rate: float = 0.001,
        updates: int = 25,
    ) -> None:
        super().__init__(model, objective)
        self.temperature, self.rule, self.updates = temperature, Adam(rate), updates

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Examples]:
        features = task_tools.like(support.inputs, unit(task_tools.values(support.inputs)))
        yield Examples(features, support.targets)

    def predict(self, adapted: Examples, inputs: Inputs) -> Tensor:
        queries, real = unit(task_tools.values(inputs)), counted_rows(inputs)
        weight = unit(class_means(adapted, self.ways))
        start = {"weight": weight, "bias": torch.zeros_like(weight[:, 0])}
        given = (adapted, queries, real)
        *_, last = descend(self.loss, start, self.updates, self.rule, first_order, given)
        return self.logits(last, queries, adapted)

    def logits(self, head: Parameters, features: Tensor, support: Examples) -> Tensor:
        """`(n, ways)`, minus infinity for classes that the task does not have."""
        with in_full(features):
            outputs = self.temperature * (features @ head["weight"].T + head["bias"])
        return mask_absent_classes(outputs, support)

    def loss(
        self, head: Parameters, number: int, support: Examples, queries: Tensor, real: Tensor
    ) -> Tensor:
        """The objective, a scalar; `number` counts the steps and changes nothing."""
        of_support = self.logits(head, task_tools.values(support.inputs), support)
        of_queries = self.logits(head, queries, support)
        fit = self.objective.loss(of_support, support.targets)
        return fit + conditional_entropy(of_queries, real)
