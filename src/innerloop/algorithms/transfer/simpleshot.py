"""SimpleShot: nearest centroid of centred unit features (Wang, Chao, Weinberger and van der Maaten,
"SimpleShot: revisiting nearest-neighbor classification for few-shot learning", 2019)."""

from collections.abc import Iterable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.layers.cosine import unit
from innerloop.layers.distances import class_means, squared_distances
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class SimpleShot(Classifier):
    r"""Outputs :math:`-|g(x) - c_k|^2` with centroids :math:`c_k`, the mean of g over class k, and

    .. math:: g(x) = \frac{f(x) - m}{|f(x) - m|}

    where m is the mean feature of the *training* images (`CL2N`); without m (`L2N`); or g = f
    (`UN`).

    Shapes: features are `(n, d)`, m is `(d,)`, centroids `(ways, d)`, outputs `(queries, ways)`.

    References:
        Wang, Chao, Weinberger and van der Maaten, "SimpleShot: revisiting nearest-neighbor
        classification for few-shot learning", 2019.

    Deviations: m is measured on `images` training images, drawn before every validation; the
    authors' code takes all of them. The code tests every transformation and two checkpoints; here
    one transformation is chosen beforehand, and the checkpoint by validation.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        transform: `UN`, `L2N` or `CL2N`.
        images: training images whose mean is m.

    Example:
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = SimpleShot(Network(Identity([2]), 64), Classification(64, 2)).eval()
        >>> support = Examples(torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([0, 1]))
        >>> (centroids,) = learner.adapt(support, steps=0, progress=torch.tensor(1.0))
        >>> centroids.tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """

    adapts_by_steps = False
    mean: Tensor

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        transform: Literal["UN", "L2N", "CL2N"] = "CL2N",
        images: int = 10_000,
    ) -> None:
        super().__init__(model, objective)
        self.transform, self.measured_images = transform, images if transform == "CL2N" else 0
        self.register_buffer("mean", torch.zeros(self.head.in_features))

    def measure(self, batches: Iterable[Task]) -> None:
        """Takes m from plain batches of the training images."""
        features = [task_tools.values(self.embed(batch).query.inputs) for batch in batches]
        self.mean.copy_(torch.cat(features, 1).mean((0, 1)))

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        features = task_tools.like(support.inputs, self._transformed(support.inputs))
        yield class_means(Examples(features, support.targets), self.ways)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return -squared_distances(self._transformed(inputs), adapted)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"centroids": adapted}

    def _transformed(self, inputs: Inputs) -> Tensor:
        features: Tensor = task_tools.values(inputs)
        return features if self.transform == "UN" else unit(features - self.mean)
