"""FRN: a class is near if its support reconstructs the query's feature map (Wertheimer et al.,
"Few-shot classification with feature map reconstruction networks", 2021)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.ridge import ridge
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.labels import one_hot
from innerloop.layers.maps import as_maps, map_shape
from innerloop.objectives import Objective
from innerloop.precision import in_full
from innerloop.tasks import Examples, Inputs, Task


class FRN(Algorithm):
    r"""Outputs :math:`-\gamma / r \, |\rho\, Q M_k - Q|^2` for the r places Q of a query's map.

    :math:`Q M_k` reconstructs them, by ridge regression, from all places :math:`S_k` of class k:

    .. math:: M_k = (S_k^T S_k + \lambda I)^{-1} S_k^T S_k, \quad
        \lambda = \frac{n_k r}{d} e^\alpha + 10^{-6}, \quad \rho = e^\beta,

    with :math:`n_k` shots. The outer loop trains the body, :math:`\alpha`, :math:`\beta` and
    :math:`\gamma`.

    Shapes: features are `(n, d * r)`, flattened maps of d channels and r places (`layers/maps.py`),
    :math:`M` is `(ways, d, d)`, outputs `(queries, ways)`.

    References:
        Wertheimer, Tang and Hariharan, "Few-shot classification with feature map reconstruction
        networks", 2021.

    Deviations: the auxiliary loss keeps the places of different classes orthogonal as the authors'
    code does, which divides all places of a support by their common norm. The paper gives each
    place length 1, with which this loss outweighs the classification. The authors also divide the
    features of ResNet-12 by the square root of 640, and start from a pre-training of its own kind,
    which is not built: `init_from` starts from a classifier.

    Arguments:
        auxiliary: weight of the auxiliary loss in training.

    Raises:
        UserError: for a negative weight.

    Example:
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = FRN(Network(body, 2), Classification(2, 2))
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (maps,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(maps, support.inputs).argmax(1)
        tensor([0, 1])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(self, model: nn.Module, objective: Objective, auxiliary: float = 0.03) -> None:
        super().__init__(model, objective)
        if not auxiliary >= 0:
            raise UserError(
                f"algorithm.auxiliary={auxiliary}: a weight of 0 or more, such as 0.03."
            )
        self.auxiliary, self.shape = auxiliary, map_shape(self.model.body)  # type: ignore[arg-type]
        self.alpha, self.beta = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.scale = nn.Parameter(torch.ones(()))

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def places(self, inputs: Inputs) -> Tensor:
        """Features `(n, d * r)` as places `(n, r, d)`."""
        return as_maps(task_tools.values(inputs), self.shape).flatten(2).mT

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        places = self.places(support.inputs)
        members = one_hot(support.targets, self.objective.classes(self.training) or 0, places)
        own = torch.where(members.T[:, :, None, None] > 0, places, 0).flatten(1, 2)
        ratio = places.shape[1] / places.shape[2]
        yield ridge(own, own, members.sum(0) * ratio * self.alpha.exp() + 1e-6)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        with in_full(adapted):
            places = self.places(inputs).to(adapted)[:, None]
            errors = self.beta.exp() * places @ adapted - places
            return -self.scale * (errors**2).sum(-1).mean(-1)

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        loss = super().meta_loss(task, progress)
        if self.auxiliary == 0:
            return loss
        targets = task.support.targets
        real = (targets >= 0)[:, None, None]
        places = torch.where(real, self.places(task.support.inputs), 0)
        places = places / places.square().sum().clamp_min(1e-12).sqrt()
        different = targets[:, None] != targets
        angles = torch.einsum("iac,jbc->ijab", places, places).square().sum((2, 3))
        return loss + self.auxiliary / 2 * torch.where(different, angles, 0).sum()  # each pair once

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": adapted}
