"""Conditional neural processes: a task is the mean of its encoded examples (Garnelo et al.,
"Conditional neural processes", 2018)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.algorithms.features import features_of
from innerloop.layers.gaussian import bounded_deviation, negative_log_likelihood
from innerloop.layers.maps import width_of
from innerloop.layers.perceptron import perceptron
from innerloop.layers.targets import real_rows, target_vectors
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class Summary(NamedTuple):
    """What a support is summed up in."""

    mean: Tensor  #: `(width,)`


class CNP(Algorithm):
    r"""Predicts :math:`(\mu, s) = g(r, x)` from :math:`r = \frac1n \sum_i h(x_i, y_i)`.

    .. math:: y \sim N(\mu, \sigma^2), \qquad \sigma = 0.1 + 0.9 \, \mathrm{softplus}(s)

    The meta-loss is the negative log-likelihood of support and queries; outputs are the means. For
    classes, and other targets that are no real numbers, outputs are logits and the meta-loss is the
    objective's. x are the body's features.

    Arguments:
        width: of the layers of h and g.
        depth: number of these layers in each.

    Shapes: features are `(n, d)`, the summary `(width,)`, outputs `(queries, ways)`, or
    `(queries, t)` for t real targets.

    Deviations: in the paper's classification, each class has its own mean of the encoded inputs,
    without labels; here labels are part of the input, as real targets are. The bound on the
    deviation is that of the authors' code, in which layers have ReLU; here they have GELU, which is
    smooth. The paper draws the number of support examples anew at
    each step, which `episode.shots=[3,10]` does.

    References:
        Garnelo, Rosenbaum, Maddison, Ramalho, Saxton, Shanahan, Teh, Rezende and Eslami,
        "Conditional neural processes", 2018.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = CNP(Network(MLP([1], hidden=[]), outputs=1), Regression())
        >>> x = torch.linspace(-1, 1, 5)[:, None]
        >>> (adapted,) = learner.adapt(Examples(x, x.sin()), steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, x).shape
        torch.Size([5, 1])
    """

    adapts_by_steps = False
    uses_head = False

    def __init__(
        self, model: nn.Module, objective: Objective, width: int = 128, depth: int = 3
    ) -> None:
        super().__init__(model, objective)
        features, self.outputs = width_of(self.model.body), objective.width
        hidden = [width] * depth
        self.encoder: nn.Module = perceptron(features + self.outputs, *hidden)
        self.decoder: nn.Module = perceptron(features + width, *hidden)
        self.head: nn.Module = nn.Linear(width, self.outputs)
        regression = objective.answers == "targets"
        deviation = nn.Linear(width, self.outputs) if regression else None
        self.deviation: nn.Module | None = deviation

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        real = real_rows(support)[:, None]
        yield Summary(torch.where(real, self.encode(support), 0).sum(0) / real.sum())

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        return self.head(self.decode(adapted, task_tools.values(inputs)))

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        (adapted,) = self.adapt(task.support, 0, progress)
        inputs, targets = task_tools.concatenate(task.support, task.query)
        if self.deviation is None:
            return self.objective.loss(self.predict(adapted, inputs), targets)
        hidden = self.decode(adapted, task_tools.values(inputs))
        mean, deviation = self.head(hidden), bounded_deviation(self.deviation(hidden))
        return negative_log_likelihood(mean, deviation, targets)

    def encode(self, support: Examples) -> Tensor:
        """Encoded examples `(n, width)`."""
        vectors = task_tools.values(support.inputs), target_vectors(support, self.outputs)
        return self.encoder(torch.cat(vectors, 1))

    def decode(self, adapted: Adapted, features: Tensor) -> Tensor:
        """The last hidden layer `(q, width)` for features `(q, d)`."""
        return self.decoder(torch.cat([self.read(adapted, features), features], 1))

    def read(self, adapted: Adapted, features: Tensor) -> Tensor:
        """What each of q inputs reads in the support, `(q, width)`."""
        return adapted.mean.expand(len(features), -1)
