"""BD-CSPN: prototypes that the queries rectify (Liu, Song and Qin, "Prototype rectification for
few-shot learning", 2020)."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.layers.cosine import cosines
from innerloop.layers.entropy import counted_rows
from innerloop.layers.rectification import rectified
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class BDCSPN(Classifier):
    r"""Outputs :math:`\epsilon \cos(q + \delta, p_k)` for queries that are shifted to the support,
    :math:`\delta = \bar s - \bar q`, with rectified prototypes

    .. math:: p_k = \sum_{x \in X_k} w_x x, \qquad
        w_x \propto e^{\epsilon \cos(x, c_k)}, \qquad \sum_{x \in X_k} w_x = 1,

    where :math:`c_k` is the mean of class k in the support, and :math:`X_k` holds its support and
    the shifted queries that are nearest to :math:`c_k` by cosine.

    Shapes: features are `(n, d)`, prototypes `(ways, d)`, outputs `(queries, ways)`.

    References:
        Liu, Song and Qin, "Prototype rectification for few-shot learning", 2020.

    Deviations: the paper takes the Z = 8 most confident queries of each class; here all queries
    count, as in the code of LaplacianShot. The paper trains a cosine classifier; here the body is
    trained by a linear one, or not at all.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        scale: :math:`\epsilon`.

    Example:
        >>> import torch
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = BDCSPN(Network(Identity([2]), 64), Classification(64, 2)).eval()
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(1.0))
        >>> learner.predict(adapted, 3 * torch.eye(2)).argmax(1)
        tensor([0, 1])
    """

    adapts_by_steps = False
    joint_queries = True

    def __init__(self, model: nn.Module, objective: Objective, scale: float = 10.0) -> None:
        super().__init__(model, objective)
        self.scale = scale

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Examples]:
        yield support

    def predict(self, adapted: Examples, inputs: Inputs) -> Tensor:
        queries, real = task_tools.values(inputs), counted_rows(inputs)
        prototypes, shifted = rectified(adapted, queries, real, self.ways, self.scale)
        return self.scale * cosines(shifted, prototypes)
