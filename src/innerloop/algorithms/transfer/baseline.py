"""Baseline: a classifier of all training classes, whose body serves new classes (Chen et al., "A
closer look at few-shot classification", 2019)."""

import itertools
from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.gradients import Parameters
from innerloop.algorithms.transfer.classifier import Classifier, check_fit
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class Baseline(Classifier):
    r"""Trains body :math:`f` and head by cross-entropy over all training classes; for a task, fits
    a new linear head to the support's features and leaves the body as it is:

    .. math:: \min_{W,b} L_{support}(W f(x) + b) + \frac{\lambda}{2} (|W|^2 + |b|^2).

    Shapes: features are `(n, width)`, the fitted head `(ways, width)` and `(ways,)`, outputs
    `(queries, ways)`; in training `(size, classes)` over all training classes.

    References:
        Chen, Liu, Kira, Wang and Huang, "A closer look at few-shot classification", 2019.

    Deviations: the authors' code descends on minibatches of four examples for 100 epochs, from
    random weights, by an average of gradients (momentum 0.9 with dampening 0.9). Here every step
    descends on the whole support, from zero, without momentum. The loss is convex: both approach
    the same head, and this one depends neither on the order of the support nor on a seed.

    Arguments:
        model: `body`, to features `(n, width)`, and a linear `head` with an output for each
            training class, as `training=batches` gives it.
        rate: of the fit's gradient descent.
        decay: :math:`\lambda`, the weight decay of the fit.

    Raises:
        UserError: for rates that are not positive, and negative decays.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = Baseline(Network(body, 64), Classification(64, 2), rate=0.1).eval()
        >>> support = Examples(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        >>> *_, head = learner.adapt(support, steps=100, progress=torch.tensor(1.0))
        >>> learner.predict(head, support.inputs).argmax(1)
        tensor([0, 1])
    """

    def __init__(
        self, model: nn.Module, objective: Objective, rate: float = 0.01, decay: float = 0.001
    ) -> None:
        super().__init__(model, objective)
        check_fit(rate, decay)
        self.rate, self.decay = rate, decay

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Parameters]:
        """Heads fitted to features `(n, width)`; without any, the head of the training classes."""
        if task_tools.count(support) == 0:
            yield from itertools.repeat(dict(self.head.named_parameters()), steps + 1)
            return
        named = self.head.named_parameters()
        zeros = {k: p.new_zeros(self.ways, *p.shape[1:]) for k, p in named}
        yield from self.fit(zeros, support, steps, self.rate, self.decay)

    def predict(self, adapted: Parameters, inputs: Inputs) -> Tensor:
        return self.call(self.head, adapted, inputs)

    def weights(self, adapted: Parameters) -> dict[str, Tensor]:
        return {f"head.{name}": value for name, value in adapted.items()}
