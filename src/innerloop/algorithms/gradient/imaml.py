"""iMAML: MAML whose meta-gradient needs only the end of the inner loop (Rajeswaran et al.,
"Meta-learning with implicit gradients", 2019, algorithms 1 and 2)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order
from innerloop.adaptation.implicit import implicit
from innerloop.adaptation.rules import SGD
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML, Adapted
from innerloop.errors import UserError
from innerloop.layers import attention
from innerloop.layers.absent import mask_absent_classes
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class IMAML(MAML):
    r"""Inner loop towards :math:`\varphi = \arg\min_\varphi L_{support}(\varphi) + \frac\lambda2
    |\varphi - \theta|^2`; its meta-gradient is that of the minimum:

    .. math:: \frac{d L_{query}(\varphi)}{d\theta} = \Big(I + \frac1\lambda
        \nabla^2 L_{support}(\varphi)\Big)^{-1} \nabla L_{query}(\varphi).

    Arguments:
        rate: inner learning rate.
        steps: inner steps of training; memory does not grow with them.
        strength: :math:`\lambda`, which keeps :math:`\varphi` close to :math:`\theta`.
        iterations: of conjugate gradient.
        damping: added to the identity :math:`I`.

    Shapes: as of `MAML`.

    Raises:
        UserError: if `rate` or `strength` is not positive, or `damping` negative.

    Deviations: the authors' code descends on the support's loss alone and then takes one step
    towards :math:`\theta`; here every step sees both terms, as in the paper. Its damping is 1, and
    it adds 10 to :math:`\lambda` in front of the Hessian. The paper stops both iterations by their
    error; here their numbers are fixed. The Hessian-free solver of its best figures is left out.

    References:
        Rajeswaran, Finn, Kakade and Levine, "Meta-learning with implicit gradients", 2019. Code:
        aravindr93/imaml_dev.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = IMAML(Network(MLP([1]), outputs=1), Regression(), rate=0.1, steps=3)
        >>> support = Examples(torch.ones(3, 1), torch.zeros(3, 1))
        >>> len(list(learner.adapt(support, steps=3, progress=torch.tensor(0.0))))
        4
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 16,
        strength: float = 2.0,
        iterations: int = 5,
        damping: float = 0.0,
    ) -> None:
        super().__init__(model, objective, rate, steps)
        if not strength > 0 or not damping >= 0 or iterations < 1:
            raise UserError(
                f"algorithm.strength={strength}, damping={damping}, iterations={iterations}: give "
                "a strength above zero, a damping of 0 or more and at least 1 iteration."
            )
        self.strength, self.iterations, self.damping = strength, iterations, damping
        self.exact_meta_gradient = False  # only at the minimum, which takes endless steps

    mixed_mode = False  # nothing is unrolled

    @property
    def unrolls(self) -> bool:
        return False

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = moving(self.model)
        fixed: Parameters = {k: p for k, p in self.model.named_parameters() if k not in start}
        constants, given = {k: p.detach() for k, p in start.items()}, (fixed, support)
        rule, terms = SGD(self.rate), (constants, *given)
        path = descend(self._proximal, constants, steps, rule, first_order, terms)
        next(path)
        yield Adapted(fixed | start)
        for minimum in path:
            yield Adapted(fixed | self._depending(start, minimum, given))

    def _depending(
        self, start: Parameters, minimum: Parameters, given: tuple[Parameters, Examples]
    ) -> Parameters:
        settings = (self.strength, self.iterations, self.damping)
        return implicit(self._support_loss, start, minimum, given, *settings)

    def _support_loss(self, parameters: Parameters, fixed: Parameters, support: Examples) -> Tensor:
        with attention.differentiable_twice():
            outputs = self.call(self.model, fixed | parameters, support.inputs)
        return self.objective.loss(mask_absent_classes(outputs, support), support.targets)

    def _proximal(
        self,
        parameters: Parameters,
        number: int,
        start: Parameters,
        fixed: Parameters,
        support: Examples,
    ) -> Tensor:
        gaps = torch.stack([((p - start[k]) ** 2).sum() for k, p in parameters.items()])
        return self._support_loss(parameters, fixed, support) + self.strength / 2 * gaps.sum()
