"""Meta-Baseline: cosine centroids on a classifier's body, then trained on episodes (Chen et al.,
"Meta-Baseline: exploring simple meta-learning for few-shot learning", 2021)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.cosine import cosines
from innerloop.layers.distances import class_means
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class MetaBaseline(Algorithm):
    r"""Outputs :math:`\tau \cos(f(x), c_k)` with the mean features :math:`c_k` of the classes and a
    learned temperature :math:`\tau`.

    The paper trains the body as a classifier first: train `algorithm=baseline`, then this with
    `init_from=RUN`. With `outer.steps=0` it is the paper's Classifier-Baseline.

    Shapes: features are `(n, d)`, centroids `(ways, d)`, outputs `(queries, ways)`.

    References:
        Chen, Liu, Xu, Darrell and Wang, "Meta-Baseline: exploring simple meta-learning for few-shot
        learning", 2021.

    Deviations: none of the method. The authors' code resizes images to 80x80, and keeps the batch
    statistics of support and queries together in training, as `norm=running` does.

    Arguments:
        model: `body`, to features `(n, d)`; its head is not used.
        temperature: what :math:`\tau` starts from.

    Raises:
        UserError: for a temperature that is not positive.

    Example:
        >>> from innerloop.objectives import Classification
        >>> model = nn.ModuleDict({"body": nn.Identity(), "head": nn.Identity()})
        >>> model.body, model.head = model["body"], model["head"]
        >>> learner = MetaBaseline(model, Classification(2, 2))
        >>> support = Examples(torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 1]))
        >>> (centroids,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> learner.predict(centroids, torch.tensor([[5.0, 0.0]])).tolist()
        [[10.0, 0.0]]
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(self, model: nn.Module, objective: Objective, temperature: float = 10.0) -> None:
        super().__init__(model, objective)
        if not temperature > 0:
            raise UserError(
                f"algorithm.temperature={temperature}: give one above zero, such as 10."
            )
        self.temperature = nn.Parameter(torch.tensor(float(temperature)))

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield class_means(support, self.objective.classes(self.training) or 0)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return self.temperature * cosines(task_tools.values(inputs), adapted)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"centroids": adapted}
