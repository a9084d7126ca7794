"""Matching networks: attention over the support gives a query its label (Vinyals et al., "Matching
networks for one shot learning", 2016)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.algorithms.metric.full_context import FullContext
from innerloop.errors import UserError
from innerloop.layers.cosine import cosines
from innerloop.layers.labels import one_hot
from innerloop.layers.maps import width_of
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task

NOT_A_MEMBER = -1e9  #: finite, so that its gradient is 0 and not undefined


class Adapted(NamedTuple):
    """The support of a task: features `(n, d)` and labels as rows `(n, ways)`."""

    features: Tensor
    labels: Tensor


class MatchingNetworks(Algorithm):
    r"""A class has the attention that its support gets,

    .. math:: p(k \mid x) = \sum_{i: y_i = k} a_i(x), \quad a(x) = \mathrm{softmax}_i\,
        \frac{\cos(f(x), g(x_i))}{\tau};

    outputs are the logarithms of these sums, up to a constant. f and g are the body's features, or
    with `full_context` those that :class:`FullContext` reads in the light of the whole support.

    Shapes: features are `(n, d)`, outputs `(queries, ways)`.

    References:
        Vinyals, Blundell, Lillicrap, Kavukcuoglu and Wierstra, "Matching networks for one shot
        learning", 2016.

    Deviations: the paper names no temperature, so that :math:`\tau = 1`, with which the attention
    is nearly uniform. There is no official code; a common one (of Chen et al. 2019) has
    :math:`\tau = 0.01`, sets negative cosines to 0 and adds 0.000001 to each probability.

    Arguments:
        temperature: :math:`\tau`.
        full_context: whether features depend on the whole support; its order matters then.
        reads: times that a query reads the support, with `full_context`.

    Raises:
        UserError: for a temperature that is not positive.

    Example:
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = MatchingNetworks(Network(body, 2), Classification(2, 2), temperature=1.0)
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, torch.tensor([[5.0, 0.0]])).softmax(1)
        tensor([[0.7311, 0.2689]])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        temperature: float = 0.1,
        full_context: bool = False,
        reads: int = 5,
    ) -> None:
        super().__init__(model, objective)
        if not temperature > 0:
            raise UserError(
                f"algorithm.temperature={temperature}: similarities are divided by it; give a "
                "number above zero, such as 0.1."
            )
        width = width_of(self.model.body)
        self.temperature, self.shuffling_changes = temperature, full_context  # type: ignore[misc]
        self.context = FullContext(width, reads) if full_context else None

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        features = task_tools.values(support.inputs)
        labels = one_hot(support.targets, self.objective.classes(self.training) or 0, features)
        if self.context is not None:
            features = self.context.of_support(features, labels.sum(1) > 0)
        yield Adapted(features, labels)

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        features = task_tools.values(inputs)
        if self.context is not None:
            features = self.context.of_queries(features, *adapted)
        similarities = cosines(features, adapted.features) / self.temperature
        members = torch.where(adapted.labels > 0, similarities[:, :, None], NOT_A_MEMBER)
        return members.logsumexp(1)

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return adapted._asdict()
