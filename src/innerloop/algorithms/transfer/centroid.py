"""Nearest centroid in the features of a classifier, the Classifier-Baseline of Chen et al.
("Meta-Baseline: exploring simple meta-learning for few-shot learning", 2021)."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.layers.cosine import cosines
from innerloop.layers.distances import class_means, squared_distances
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class Centroid(Classifier):
    r"""Outputs :math:`\tau \cos(f(x), c_k)`, or :math:`-|f(x) - c_k|^2`, with centroids
    :math:`c_k`, the mean feature of class k:

    .. math:: c_k = \frac{1}{|S_k|} \sum_{x \in S_k} f(x).

    Shapes: features are `(n, d)`, centroids `(ways, d)`, outputs `(queries, ways)`.

    References:
        Chen, Liu, Xu, Darrell and Wang, "Meta-Baseline: exploring simple meta-learning for few-shot
        learning", 2021.

    Deviations: none of the method. The paper uses cosines; squared distances are those of ProtoNet,
    without its episodic training.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        cosine: whether centroids are compared by cosines, or by squared distances.
        scale: :math:`\tau`; it changes the confidence of cosines, not the answers.

    Example:
        >>> import torch
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = Centroid(Network(Identity([2]), 64), Classification(64, 2)).eval()
        >>> support = Examples(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        >>> (centroids,) = learner.adapt(support, steps=0, progress=torch.tensor(1.0))
        >>> learner.predict(centroids, torch.tensor([[3.0, 4.0]]))
        tensor([[8., 6.]])
    """

    adapts_by_steps = False

    def __init__(
        self, model: nn.Module, objective: Objective, cosine: bool = True, scale: float = 10.0
    ) -> None:
        super().__init__(model, objective)
        self.cosine, self.scale = cosine, scale

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield class_means(support, self.ways)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        features = task_tools.values(inputs)
        if self.cosine:
            return self.scale * cosines(features, adapted)
        return -squared_distances(features, adapted)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"centroids": adapted}
