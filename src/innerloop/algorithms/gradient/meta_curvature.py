"""Meta-Curvature: learn to transform the inner gradients of each layer (Park and Oliva,
"Meta-curvature", 2019)."""

from torch import nn

from innerloop.adaptation.curvature import Curved, Factors, identity, modes
from innerloop.adaptation.rules import Rule
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML
from innerloop.objectives import Objective


class MetaCurvature(MAML):
    r"""MAML whose gradient of a layer is multiplied by a learned matrix along each of its modes:

    .. math:: \varphi \leftarrow \varphi - \alpha\, \nabla L_{support}(\varphi)
        \times_1 M_{out} \times_2 M_{in} \times_3 M_{filter}.

    Arguments:
        rate: inner learning rate :math:`\alpha`.
        steps: inner steps of training.
        first_order: treat inner gradients as constants.

    Shapes: as of `MAML`. A convolution `(out, in, height, width)` has matrices `(out, out)`,
    `(in, in)` and `(height * width, height * width)`, a linear layer the first two; a vector, such
    as a bias, has a factor for each entry.

    Deviations: none that is known, but there is no code of the authors. The paper's matrices are
    of convolutions and linear layers; vectors follow learn2learn.

    References:
        Park and Oliva, "Meta-curvature", 2019.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = MetaCurvature(Network(MLP([1]), outputs=1), Regression(), rate=0.01)
        >>> [tuple(matrix.shape) for matrix in learner.factors()["head.weight"]]
        [(1, 1), (40, 40)]
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        first_order: bool = False,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order)
        self.matrices = nn.ParameterDict()
        for name, parameter in moving(self.model).items():
            for mode, matrix in enumerate(identity(parameter)):
                self.matrices[_key(name, mode)] = matrix

    def rule(self) -> Rule:
        return Curved(self.rate, self.factors())

    def factors(self) -> dict[str, Factors]:
        """The matrices of each parameter, by its name."""
        return {
            name: tuple(self.matrices[_key(name, mode)] for mode in range(len(modes(parameter))))
            for name, parameter in self.model.named_parameters()
            if _key(name, 0) in self.matrices
        }


def _key(name: str, mode: int) -> str:
    return f"{name.replace('.', '/')}/{mode}"  # a ParameterDict allows no dots
