"""Baseline++: a classifier by directions, whose body serves new classes (Chen et al., "A closer
look at few-shot classification", 2019)."""

import itertools
from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.gradients import Parameters
from innerloop.algorithms.transfer.classifier import Classifier, check_fit
from innerloop.layers.cosine_head import CosineHead
from innerloop.layers.distances import class_means
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class BaselinePlusPlus(Classifier):
    r"""Trains body :math:`f` and a cosine head by cross-entropy over all training classes; for a
    task, fits a new cosine head to the support's features and leaves the body as it is. Outputs are

    .. math:: s \, g_k \cos(f(x), v_k).

    Shapes: features are `(n, width)`, directions :math:`v` `(ways, width)` with lengths :math:`g`
    `(ways,)`, outputs `(queries, ways)`; in training `(size, classes)` over all training classes.

    References:
        Chen, Liu, Kira, Wang and Huang, "A closer look at few-shot classification", 2019.

    Deviations: the lengths :math:`g` are not in the paper; the authors' code has them, as its
    WeightNorm makes them parameters, and so has this one. Their code descends on minibatches of
    four examples for 100 epochs, from random weights, by an average of gradients (momentum 0.9
    with dampening 0.9). Here every step descends on the whole support, without momentum, from the
    means of the classes and lengths of 1, so that nothing depends on the order of the support or
    on a seed.

    Arguments:
        model: `body`, to features `(n, width)`, and a linear `head` with an output for each
            training class, which a cosine head replaces.
        rate: of the fit's gradient descent.
        decay: weight decay of the fit, of directions and lengths.
        scale: :math:`s`; None for 2, or 10 above 200 classes, as the authors' code has it.

    Raises:
        UserError: for rates that are not positive, and negative decays.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = BaselinePlusPlus(Network(body, 64), Classification(64, 2)).eval()
        >>> support = Examples(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        >>> start, *_ = learner.adapt(support, steps=1, progress=torch.tensor(1.0))
        >>> learner.predict(start, torch.tensor([[0.0, 7.0]]))
        tensor([[2., 0.]])
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float = 0.01,
        decay: float = 0.001,
        scale: float | None = None,
    ) -> None:
        super().__init__(model, objective)
        check_fit(rate, decay)
        self.rate, self.decay = rate, decay
        self.model.head = CosineHead(self.head.in_features, self.head.out_features, scale)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Parameters]:
        """Heads fitted to features `(n, width)`; without any, the head of the training classes."""
        if task_tools.count(support) == 0:
            yield from itertools.repeat(dict(self.head.named_parameters()), steps + 1)
            return
        means = class_means(support, self.ways)
        start = {"weight": means, "lengths": means.new_ones(self.ways)}
        yield from self.fit(start, support, steps, self.rate, self.decay)

    def predict(self, adapted: Parameters, inputs: Inputs) -> Tensor:
        return self.call(self.head, adapted, inputs)

    def weights(self, adapted: Parameters) -> dict[str, Tensor]:
        return {f"head.{name}": value for name, value in adapted.items()}
