"""WarpGrad: layers between those that adapt shape the gradients of the inner loop (Flennerhag et
al., "Meta-learning with warped gradient descent", 2020)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.adaptation.gradients import Gradient, first_order
from innerloop.adaptation.last_step import LastStep, at_constants
from innerloop.adaptation.rules import Rule
from innerloop.adaptation.selection import ALL
from innerloop.algorithms.gradient.maml import MAML
from innerloop.layers.warp import interleave
from innerloop.objectives import Objective
from innerloop.tasks import Task


class WarpGrad(MAML):
    r"""Inner loop on the layers :math:`\theta` of a network, with warp layers :math:`\phi` between
    them that stay; the warp layers learn to make every single step a good one, from wherever the
    inner loop comes by:

    .. math:: \theta_{k+1} = \theta_k - \alpha \nabla_\theta L_{support}(\theta_k, \phi), \qquad
        \min_\phi \frac1K \sum_{k=0}^{K-1}
        L_{query}(\theta_k - \alpha \nabla_\theta L_{support}(\theta_k, \phi), \phi),

    where the :math:`\theta_k` are constants, so that no derivative passes through more than one
    step. The start :math:`\theta_0` follows the first-order gradients of the same losses.

    Arguments:
        rate: inner learning rate :math:`\alpha`.
        steps: inner steps :math:`K` of training.
        first_order: treat inner gradients as constants (the paper's approximate objective).
        adapted: as of `MAML`; warp layers never adapt.
        kernel: side of the warp layers in front of convolutions, in pixels.

    Shapes: as of `MAML`. The warp layer in front of a layer with n inputs is `(n, n)`, that of a
    convolution with n channels `(n, n, kernel, kernel)`.

    Raises:
        UserError: as `MAML`, for an even kernel, and for a model with fewer than two layers.

    Deviations: the start follows the gradient of MAML's first order at every step, beside the
    warp layers in one pass; the paper leaves open what trains it, and its Warp-MAML weighs an
    objective of its own. Warp layers start as the identity and are linear. The authors' code has
    the offline variant alone, which replays stored :math:`\theta_k`, and not Warp-MAML.

    References:
        Flennerhag, Rusu, Pascanu, Visin, Yin and Hadsell, "Meta-learning with warped gradient
        descent", 2020. Code: flennerhag/warpgrad.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = WarpGrad(Network(MLP([1]), outputs=1), Regression(), rate=0.01)
        >>> [name for name, _ in learner.model.named_parameters() if name.endswith("warp.weight")]
        ['body.layers.3.warp.weight', 'head.warp.weight']
    """

    mixed_mode = False

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 5,
        first_order: bool = False,
        adapted: str | Sequence[str] = ALL,
        kernel: int = 3,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order, adapted)
        interleave(self.model, kernel)
        self.adapted = (*self.adapted, "!*.warp.*")
        self.exact_meta_gradient = False

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """The mean of the query losses after 1, 2, ... K inner steps."""
        if self.steps == 0:
            return super().meta_loss(task, progress)
        after = range(1, self.steps + 1)
        path = self.trajectory(task, self.steps, progress, at=after, embedded=True)
        losses = [self.objective.loss(outputs, task.query.targets) for _, outputs in path]
        return torch.stack(losses).mean()

    def rule(self) -> Rule[dict[str, Tensor]]:
        return LastStep(self.rate)

    @property
    def gradient(self) -> Gradient:
        return first_order if self.first_order else at_constants

    @property
    def second_order(self) -> bool:
        return self.steps > 0 and not self.first_order
