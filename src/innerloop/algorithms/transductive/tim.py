"""TIM: answers that are sure and balanced (Boudiaf et al., "Transductive information maximization
for few-shot learning", 2020)."""

from collections.abc import Iterator
from typing import Any, Literal

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order
from innerloop.adaptation.rules import SGD, Adam, Rule
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.cosine import unit
from innerloop.layers.distances import class_means, squared_distances
from innerloop.layers.entropy import conditional_entropy, counted_rows, marginal_entropy
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class TIM(Classifier):
    r"""Outputs :math:`-\frac{\tau}{2} |x - w_k|^2` on unit features, with :math:`w_k` that start at
    the mean of class k and descend on

    .. math:: \lambda L_{support}(w) - \left( H(Y_{query}) - \alpha H(Y_{query}|X_{query}) \right),

    the cross-entropy of the support less a weighted mutual information of the queries and their
    answers. H(Y) is largest for balanced answers: the method knows that queries are balanced.

    Shapes: features are `(n, d)`, w is `(ways, d)`, outputs `(queries, ways)`.

    References:
        Boudiaf, Masud, Rony, Dolz, Piantanida and Ben Ayed, "Transductive information maximization
        for few-shot learning", 2020.

    Deviations: none of TIM-GD, which is Adam at 0.0001 for 1,000 steps; TIM-ADM is left out. The
    steps are taken when queries are answered, so that there is no curve over inner steps.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        temperature: :math:`\tau`.
        support_weight, conditional_weight: :math:`\lambda` and :math:`\alpha`; H(Y) has weight 1.
        rule: `adam`, or `sgd` for plain gradient descent.
        rate: learning rate of the descent.
        updates: steps of the descent.

    Example:
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = TIM(Network(Identity([2]), 64), Classification(64, 2), updates=5).eval()
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
        temperature: float = 15.0,
        support_weight: float = 0.1,
        conditional_weight: float = 0.1,
        rule: Literal["adam", "sgd"] = "adam",
        rate: float = 0.0001,
        updates: int = 1000,
    ) -> None:
        super().__init__(model, objective)
        self.temperature, self.updates = temperature, updates
        self.support_weight, self.conditional_weight = support_weight, conditional_weight
        self.rule: Rule[Any] = Adam(rate) if rule == "adam" else SGD(rate)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Examples]:
        features = task_tools.like(support.inputs, unit(task_tools.values(support.inputs)))
        yield Examples(features, support.targets)

    def predict(self, adapted: Examples, inputs: Inputs) -> Tensor:
        # Adam divides small gradients by their own size. In float32 their rounding would decide
        # answers, and the order of the queries with it.
        queries, real = unit(task_tools.values(inputs)).double(), counted_rows(inputs)
        support = task_tools.values(adapted.inputs)
        exact = Examples(task_tools.like(adapted.inputs, support.double()), adapted.targets)
        start = {"weight": class_means(exact, self.ways)}
        given = (exact, queries, real)
        *_, last = descend(self.loss, start, self.updates, self.rule, first_order, given)
        return self.logits(last, queries, exact).to(support.dtype)

    def logits(self, weights: Parameters, features: Tensor, support: Examples) -> Tensor:
        """`(n, ways)`, minus infinity for classes that the task does not have."""
        distances = squared_distances(features, weights["weight"])
        return mask_absent_classes(-self.temperature / 2 * distances, support)

    def loss(
        self, weights: Parameters, number: int, support: Examples, queries: Tensor, real: Tensor
    ) -> Tensor:
        """The objective, a scalar; `number` counts the steps and changes nothing."""
        of_support = self.logits(weights, task_tools.values(support.inputs), support)
        of_queries = self.logits(weights, queries, support)
        fit = self.objective.loss(of_support, support.targets)
        sure = self.conditional_weight * conditional_entropy(of_queries, real)
        return self.support_weight * fit + sure - marginal_entropy(of_queries, real)
