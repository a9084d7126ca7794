"""DN4: a class is near if its local descriptors resemble the query's (Li et al., "Revisiting local
descriptor based image-to-class measure for few-shot learning", 2019)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.cosine import cosines
from innerloop.layers.labels import one_hot
from innerloop.layers.maps import as_maps, map_shape
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task

LOWEST = -2.0  #: below every cosine


class Adapted(NamedTuple):
    """The support of a task: its descriptors `(n * r, d)` and their labels `(n * r, ways)`."""

    descriptors: Tensor
    labels: Tensor


class DN4(Algorithm):
    r"""Outputs the similarity of a query's r descriptors, the places of its map, to each class:

    .. math:: \sum_{i=1}^r \sum_{j=1}^k \cos(q_i, \hat s_{ij}),

    where :math:`\hat s_{ij}` are the k nearest of all descriptors of the class's support.

    Shapes: features are `(n, d * r)`, flattened maps of d channels and r places (`layers/maps.py`),
    outputs `(queries, ways)`.

    References:
        Li, Wang, Xu, Huo, Gao and Luo, "Revisiting local descriptor based image-to-class measure
        for few-shot learning", 2019.

    Deviations: a descriptor of zeros has the similarity 0 to all, where the authors' code divides
    by zero. A class with fewer than k descriptors is compared by all that it has. Their network
    has leaky ReLU and maps of 21x21 places for 84x84 images; `model=conv4` has ReLU and 5x5.

    Arguments:
        neighbours: :math:`k`.

    Raises:
        UserError: for less than one neighbour.

    Example:
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = DN4(Network(body, 2), Classification(2, 2), neighbours=1)
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(adapted, torch.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(self, model: nn.Module, objective: Objective, neighbours: int = 3) -> None:
        super().__init__(model, objective)
        if neighbours < 1:
            raise UserError(
                f"algorithm.neighbours={neighbours}: compare with 1 or more, such as 3."
            )
        self.neighbours, self.shape = neighbours, map_shape(self.model.body)  # type: ignore[arg-type]

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def descriptors(self, inputs: Inputs) -> Tensor:
        """Features `(n, d * r)` as descriptors `(n, r, d)`."""
        return as_maps(task_tools.values(inputs), self.shape).flatten(2).mT

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        descriptors = self.descriptors(support.inputs)
        labels = one_hot(support.targets, self.objective.classes(self.training) or 0, descriptors)
        every = labels[:, None].expand(-1, descriptors.shape[1], -1)
        yield Adapted(descriptors.flatten(0, 1), every.flatten(0, 1))

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        queries = self.descriptors(inputs)
        similarities = cosines(queries.flatten(0, 1), adapted.descriptors)
        members = torch.where(adapted.labels.T[:, None] > 0, similarities, LOWEST)
        nearest = members.topk(min(self.neighbours, members.shape[2]), dim=2).values
        nearest = torch.where(nearest > LOWEST, nearest, 0)  # a class may have fewer
        return nearest.sum(2).unflatten(1, queries.shape[:2]).sum(2).T

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return adapted._asdict()
