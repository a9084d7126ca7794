"""Proto-MAML: MAML whose head starts from prototypes (Triantafillou et al., "Meta-Dataset: a
dataset of datasets for learning to learn from few examples", 2020)."""

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML, Adapted
from innerloop.layers.distances import class_means, linear_scores
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs

WEIGHT, BIAS = "head.weight", "head.bias"


class ProtoMAML(MAML):
    r"""MAML with a linear head that every task starts from its prototypes :math:`c_k`, the mean
    feature of class k:

    .. math:: W_k = 2 c_k, \qquad b_k = -|c_k|^2.

    Before the first step its answers are those of a prototypical network, as
    :math:`W_k f(x) + b_k = -|f(x) - c_k|^2 + |f(x)|^2`. The head belongs to the task: any number of
    classes fits, and the meta-gradient reaches the body through the prototypes as well.

    Arguments:
        rate: inner learning rate, of body and head.
        steps: inner steps of training.
        first_order: treat inner gradients as constants; the prototypes still pass a gradient on.

    Shapes: features are `(n, d)`, the head `(ways, d)` and `(ways,)`, outputs `(queries, ways)`.

    Raises:
        UserError: if `rate` is not positive, or for real targets.

    Deviations: none of the method. The authors publish figures of the first order alone
    (`first_order=true`), with a body that was trained as a classifier before (`init_from=`).

    References:
        Triantafillou et al., "Meta-Dataset: a dataset of datasets for learning to learn from few
        examples", 2020, section 3.

    Example:
        >>> import torch
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Linear(1, 1)
        >>> body.width = 1
        >>> learner = ProtoMAML(Network(body, 2), Classification(2, 2), rate=0.1)
        >>> support = Examples(torch.tensor([[0.0], [9.0]]), torch.tensor([0, 1]))
        >>> before, after = learner.adapt(support, steps=1, progress=torch.tensor(0.0))
        >>> learner.predict(before, support.inputs).argmax(1)
        tensor([0, 1])
    """

    fixed_ways = False
    uses_head = False
    needs_classes = True
    relabelling_permutes = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        first_order: bool = False,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order)

    def start(self, support: Examples) -> Parameters:
        features = task_tools.like(support.inputs, self.features(support.inputs))
        ways = self.objective.classes(self.training) or 0
        means = class_means(Examples(features, support.targets), ways)
        return moving(self.model) | {WEIGHT: 2 * means, BIAS: -(means * means).sum(1)}

    def outputs(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        body = {k: p for k, p in parameters.items() if k not in (WEIGHT, BIAS)}
        features = self.call(self.model, body, inputs)
        return linear_scores(features, parameters[WEIGHT], parameters[BIAS])

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        head = {k: adapted.parameters[k] for k in (WEIGHT, BIAS)}
        return super().weights(adapted) | head
