"""Ridge regression on the features of a task, the last layer of R2-D2 (Bertinetto et al.,
"Meta-learning with differentiable closed-form solvers", 2019) without its meta-training."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.ridge import ridge, with_one
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.errors import UserError
from innerloop.layers.cosine import unit
from innerloop.layers.distances import inner_products
from innerloop.layers.labels import one_hot, real_rows
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class Ridge(Classifier):
    r"""Outputs :math:`\alpha [x, 1] W` on unit features, with the ridge regression of the labels,

    .. math:: W = \arg\min_W |[X, 1] W - Y|^2 + \lambda |W|^2,

    where Y has a 1 for the class of each example.

    Shapes: features are `(n, d)`, W is `(d + 1, ways)`, outputs `(queries, ways)`.

    References:
        Bertinetto, Henriques, Torr and Vedaldi, "Meta-learning with differentiable closed-form
        solvers", 2019.

    Deviations: R2-D2 trains the body through the regression, and learns the scale; here the body
    comes from plain classification or an encoder, features have length 1, and nothing is learned.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        penalty: :math:`\lambda`; the bias, a feature that is always 1, is penalised too.
        scale: :math:`\alpha`; it changes the confidence, not the answers.

    Raises:
        UserError: for a penalty that is not positive.

    Example:
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> learner = Ridge(Network(Identity([2]), 64), Classification(64, 2)).eval()
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (weights,) = learner.adapt(support, steps=0, progress=torch.tensor(1.0))
        >>> learner.predict(weights, 3 * torch.eye(2)).argmax(1)
        tensor([0, 1])
    """

    adapts_by_steps = False

    def __init__(
        self, model: nn.Module, objective: Objective, penalty: float = 1.0, scale: float = 10.0
    ) -> None:
        super().__init__(model, objective)
        if not penalty > 0:
            raise UserError(f"algorithm.penalty={penalty}: give a number above zero, such as 1.")
        self.penalty, self.scale = penalty, scale

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        features = real_rows(_unit_with_one(support.inputs), support.targets)
        labels = one_hot(support.targets, self.ways, features)
        yield ridge(features, labels, self.penalty)

    def predict(self, adapted: Tensor, inputs: Inputs) -> Tensor:
        return self.scale * inner_products(_unit_with_one(inputs), adapted)

    def weights(self, adapted: Tensor) -> dict[str, Tensor]:
        return {"weight": adapted[:-1], "bias": adapted[-1]}


def _unit_with_one(inputs: Inputs) -> Tensor:
    return with_one(unit(task_tools.values(inputs)))
