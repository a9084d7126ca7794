"""Prototypical networks: a class is the mean of its support (Snell, Swersky and Zemel,
"Prototypical networks for few-shot learning", 2017)."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.features import features_of
from innerloop.errors import UserError
from innerloop.layers.distances import class_means, squared_distances
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task


class ProtoNet(Algorithm):
    r"""Outputs :math:`-|f(x) - c_k|^2 / \tau` with prototypes :math:`c_k`, the mean feature of
    class k.

    Uses the body alone and embeds support and query of all tasks in one forward pass.

    Arguments:
        temperature: :math:`\tau`. Squared distances grow with the width of the features, and large
            ones leave the softmax without a slope: a :math:`\tau` near the width makes short
            trainings learn faster (Oreshkin et al., "TADAM", 2018).

    Shapes: features are `(n, d)`, prototypes `(ways, d)`, outputs `(queries, ways)`.

    Raises:
        UserError: for a temperature that is not positive.

    Deviations: none with :math:`\tau = 1`; the paper's training with more ways than the test is a
    matter of `episode.ways` and `episode.test.ways`.

    References:
        Snell, Swersky and Zemel, "Prototypical networks for few-shot learning", 2017.

    Example:
        >>> from torch import nn
        >>> from innerloop.objectives import Classification
        >>> model = nn.ModuleDict({"body": nn.Identity(), "head": nn.Identity()})
        >>> model.body, model.head = model["body"], model["head"]
        >>> learner = ProtoNet(model, Classification(2, 2))
        >>> support = Examples(torch.tensor([[0.0], [2.0], [9.0]]), torch.tensor([0, 0, 1]))
        >>> (prototypes,) = learner.adapt(support, steps=0, progress=torch.tensor(0.0))
        >>> prototypes.tolist()
        [[1.0], [9.0]]
    """

    adapts_by_steps = False
    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(self, model: nn.Module, objective: Objective, temperature: float = 1.0) -> None:
        super().__init__(model, objective)
        if not temperature > 0:
            raise UserError(
                f"algorithm.temperature={temperature}: distances are divided by it; give a number "
                "above zero, such as 1."
            )
        self.temperature = temperature

    def embed(self, tasks: Task) -> Task:
        return features_of(self.features, tasks)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield class_means(support, self.objective.classes(self.training) or 0)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"prototypes": adapted}

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return -squared_distances(task_tools.values(inputs), adapted) / self.temperature
