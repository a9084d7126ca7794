"""LaplacianShot: neighbouring queries agree (Ziko, Dolz, Granger and Ben Ayed, "Laplacian
regularized few-shot learning", 2020)."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.cosine import unit
from innerloop.layers.distances import squared_distances
from innerloop.layers.entropy import counted_rows
from innerloop.layers.neighbours import laplacian_logits, neighbour_graph
from innerloop.layers.rectification import rectified
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class LaplacianShot(Classifier):
    r"""Answers with probabilities :math:`y_q` of the queries that are near their prototypes and
    agree between nearest neighbours:

    .. math:: \min_y \sum_q y_q \cdot (\log y_q + a_q)
        - \frac{\lambda}{2} \sum_{q,p} w_{qp}\, y_q \cdot y_p, \qquad a_{qk} = |q - p_k|^2,

    on unit features, with prototypes :math:`p_k` that are rectified as in BD-CSPN, and
    :math:`w_{qp} = 1` for the nearest neighbours p of q.

    Shapes: features are `(n, d)`, prototypes `(ways, d)`, w is `(queries, queries)`, outputs
    `(queries, ways)`.

    References:
        Ziko, Dolz, Granger and Ben Ayed, "Laplacian regularized few-shot learning", 2020.

    Deviations: 20 updates, where the code stops at a small change. The code subtracts the mean of
    the training features before the division by their length; here features have length 1 only.
    In paper and code w is not symmetric, so that no bound says that the objective falls.
    :math:`\lambda` and the neighbours are to be chosen on validation, as in the code.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        neighbours: of each query; the code counts the query itself as one more.
        weight: :math:`\lambda`.
        updates: of the probabilities.
        scale: of the cosines that weigh the examples in the rectified prototypes.

    Example:
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = LaplacianShot(Network(Identity([2]), 64), Classification(64, 2)).eval()
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
        neighbours: int = 2,
        weight: float = 0.7,
        updates: int = 20,
        scale: float = 10.0,
    ) -> None:
        super().__init__(model, objective)
        self.neighbours, self.weight, self.updates, self.scale = neighbours, weight, updates, scale

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Examples]:
        features = task_tools.like(support.inputs, unit(task_tools.values(support.inputs)))
        yield Examples(features, support.targets)

    def predict(self, adapted: Examples, inputs: Inputs) -> Tensor:
        queries, real = unit(task_tools.values(inputs)), counted_rows(inputs)
        prototypes, shifted = rectified(adapted, queries, real, self.ways, self.scale)
        unary = -mask_absent_classes(-squared_distances(shifted, prototypes), adapted)
        graph = neighbour_graph(queries, real, self.neighbours)
        return laplacian_logits(unary, graph, self.weight, self.updates)
