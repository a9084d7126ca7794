"""Relation network: a learned comparison of a query with each class (Sung et al., "Learning to
compare: relation network for few-shot learning", 2018)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.distances import class_means
from innerloop.layers.labels import one_hot
from innerloop.layers.maps import as_maps, map_shape
from innerloop.layers.relation import RelationModule
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class RelationNet(Algorithm):
    r"""Scores class k by :math:`r_k = \sigma(g(c_k, f(x))) \in (0, 1)`, where a small convolutional
    network :math:`g` compares the query's map with :math:`c_k`, the mean map of the class, and
    learns the scores by their squared error:

    .. math:: \min_{f, g} \sum_x \sum_k (r_k(x) - 1[y = k])^2.

    Its outputs are the log-odds :math:`g`, which rank the classes as the scores do.

    Shapes: features are `(n, d * h * w)`, flattened maps of d channels (`layers/maps.py`), class
    maps `(ways, d, h, w)`, outputs `(queries, ways)`.

    References:
        Sung, Yang, Zhang, Xiang, Torr and Hospedales, "Learning to compare: relation network for
        few-shot learning", 2018.

    Deviations: the paper adds up the maps of a class, and this is their mean, the same with one
    shot, so that classes of different sizes are alike. Its relation module has batch norm over all
    pairs of a batch; here it is group norm of one group, within each pair, so that no answer
    depends on other pairs. The authors' code never leaves training mode, so that batch norm takes
    the statistics of the test batch: its figures are transductive. It clips the gradient at 0.5
    (`outer.clip`) and pools in two of four blocks of the body, as `model=conv4_maps` does.

    Arguments:
        model: `body`, to maps; its head is not used.
        filters: channels of the relation module.
        hidden: width of its hidden layer.

    Raises:
        UserError: for less than one filter or hidden unit.

    Example:
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = RelationNet(Network(body, 2), Classification(2, 2))
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (maps,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(maps, torch.randn(5, 2)).shape
        torch.Size([5, 2])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(
        self, model: nn.Module, objective: Objective, filters: int = 64, hidden: int = 8
    ) -> None:
        super().__init__(model, objective)
        if min(filters, hidden) < 1:
            raise UserError(
                f"algorithm.filters={filters}, algorithm.hidden={hidden}: give 1 or more of each."
            )
        self.shape = map_shape(self.model.body)  # type: ignore[arg-type]
        self.relation = RelationModule(self.shape, filters, hidden)

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield as_maps(class_means(support, self.objective.classes(self.training) or 0), self.shape)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        queries, ways = as_maps(task_tools.values(inputs), self.shape), len(adapted)
        classes = adapted.to(queries).repeat(len(queries), 1, 1, 1)
        return self.relation(classes, queries.repeat_interleave(ways, 0)).unflatten(0, (-1, ways))

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """The mean squared error of the scores, over all real queries and present classes."""
        ((_, outputs),) = self.trajectory(task, 0, progress, embedded=True)
        targets = one_hot(task.query.targets, outputs.shape[1], outputs)
        counted = (task.query.targets >= 0)[:, None] & (outputs > -torch.inf)
        squares = torch.where(counted, (outputs.sigmoid() - targets) ** 2, 0)
        return squares.sum() / counted.sum()

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"class_maps": adapted}
