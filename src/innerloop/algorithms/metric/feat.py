"""FEAT: prototypes that know of each other (Ye et al., "Few-shot learning via embedding adaptation
with set-to-set functions", 2020)."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.distances import class_means, squared_distances
from innerloop.layers.labels import one_hot
from innerloop.layers.set_transformer import SetTransformer
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class FEAT(Algorithm):
    r"""Outputs :math:`-|f(x) - \hat c_k|^2 / \tau`, where a transformer adapts the prototypes
    :math:`c_k`, the mean feature of each class, to the other classes of the task:
    :math:`\hat c = T(c_1, \dots, c_K)`.

    In training it adds a contrastive loss with the weight :math:`\lambda`: all examples, support
    and queries, are to lie near the mean of :math:`T(\text{examples of their class})`, with a
    temperature :math:`\tau_c` of its own.

    Shapes: features are `(n, d)`, prototypes `(ways, d)`, outputs `(queries, ways)`.

    References:
        Ye, Hu, Zhan and Sha, "Few-shot learning via embedding adaptation with set-to-set
        functions", 2020.

    Deviations: most of the published gain is that of its start: give `init_from` the run of a
    classifier. The authors train the transformer at ten times the rate of the body, here the rates
    are the same; they have a dropout of 0.5, here none unless it is set.

    Arguments:
        temperature: :math:`\tau`; the authors choose it for each setting, from 12 to 64.
        contrast_temperature: :math:`\tau_c`.
        contrast: :math:`\lambda`; 0 leaves the contrastive loss out.
        dropout: in the transformer.
        normalise: whether the transformer ends in a layer norm, as in the authors' code.

    Raises:
        UserError: for temperatures that are not positive.

    Example:
        >>> import torch
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = FEAT(Network(body, 2), Classification(2, 2))
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (prototypes,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(prototypes, support.inputs).shape
        torch.Size([2, 2])
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        temperature: float = 64.0,
        contrast_temperature: float = 16.0,
        contrast: float = 1.0,
        dropout: float = 0.0,
        normalise: bool = True,
    ) -> None:
        super().__init__(model, objective)
        if not min(temperature, contrast_temperature) > 0:
            raise UserError(
                f"algorithm.temperature={temperature}, algorithm.contrast_temperature="
                f"{contrast_temperature}: distances are divided by them; give numbers above zero."
            )
        self.temperature, self.contrast_temperature = temperature, contrast_temperature
        self.contrast = contrast
        width = int(self.model.body.width)  # type: ignore[union-attr, arg-type]
        self.transformer = SetTransformer(width, dropout, normalise)

    @property
    def ways(self) -> int:
        """The number of classes of a task."""
        return self.objective.classes(self.training) or 0

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        prototypes = class_means(support, self.ways)
        present = one_hot(support.targets, self.ways, prototypes).sum(0) > 0
        yield self.transformer(prototypes, present.expand(self.ways, -1))

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return -squared_distances(task_tools.values(inputs), adapted) / self.temperature

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        loss = super().meta_loss(task, progress)
        if self.contrast == 0:
            return loss
        inputs, targets = task_tools.concatenate(*task)
        features = task_tools.values(inputs)
        adapted = self.transformer(features, targets[:, None] == targets)
        centres = class_means(Examples(task_tools.like(inputs, adapted), targets), self.ways)
        outputs = -squared_distances(features, centres) / self.contrast_temperature
        outputs = mask_absent_classes(outputs, task.support)
        return loss + self.contrast * self.objective.loss(outputs, targets)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"prototypes": adapted}
