"""MAML++: MAML made stable (Antoniou, Edwards and Storkey, "How to train your MAML", 2019)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.adaptation.gradients import Gradient, first_order
from innerloop.adaptation.rules import Rule, StepSGD
from innerloop.adaptation.selection import ALL, moving
from innerloop.algorithms.gradient.maml import MAML
from innerloop.algorithms.gradient.meta_sgd import key
from innerloop.errors import UserError
from innerloop.layers import norm
from innerloop.objectives import Objective
from innerloop.tasks import Task

FLOOR = 0.03  #: least weight of a loss before the last, in shares of 1 / steps


class MAMLpp(MAML):
    r"""MAML with a loss after every inner step, and with a learned rate for each step and layer:

    .. math:: \varphi_{k+1} = \varphi_k - \alpha_{k} \nabla L_{support}(\varphi_k), \qquad
        \min_{\theta, \alpha} \sum_{k=1}^K v_k L_{query}(\varphi_k(\theta)).

    The weights :math:`v` start equal, and move to the last loss alone. Statistics of batch norm for
    each step are `norm=per_step`; the cosine schedule of the outer rate is `outer.scheduler`.

    Arguments:
        rate: initial value of all rates :math:`\alpha`.
        steps: inner steps :math:`K` of training.
        first_order: treat inner gradients as constants, in all of the training.
        adapted: as of `MAML`; `["*", "!*.norm.*"]` leaves batch norm out of the inner loop.
        multi_step: share of the training, 0 to 1, with a loss after every step; 0: never.
        step_rates: whether rates are learned, one for each parameter and step.
        first_order_steps: outer steps at the start that treat inner gradients as constants.
        step_scales: whether batch norm has a scale and a shift for each step.

    Shapes: as of `MAML`; rates are `(steps,)` for each parameter, scales `(steps, channels)`.

    Raises:
        UserError: as `MAML`, and for `multi_step` or `first_order_steps` out of range.

    Deviations: weights of losses follow every outer step, where the authors' follow epochs of 500.
    Steps of a test beyond those of the training use the last rate, scale and shift. The statistics
    that the authors' code keeps for each step are never used there: it always normalises by the
    batch (`norm=transductive`); `norm=per_step` uses them, as the paper says. They also test the
    mean of five checkpoints' answers, which is not done here. The paper's order of derivatives
    changes at some epoch; the configurations of its code never change it.

    References:
        Antoniou, Edwards and Storkey, "How to train your MAML", 2019.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> model = Network(MLP([1]), outputs=1)
        >>> learner = MAMLpp(model, Regression(), rate=0.01, steps=4, multi_step=0.5)
        >>> [learner.loss_weights(torch.tensor(now)).tolist() for now in (0.0, 0.25, 0.5)]
        [[0.25, 0.25, 0.25, 0.25], [0.125, 0.125, 0.125, 0.625], [0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 5,
        first_order: bool = False,
        adapted: str | Sequence[str] = ALL,
        multi_step: float = 0.1,
        step_rates: bool = True,
        first_order_steps: int = 0,
        step_scales: bool = True,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order, adapted)
        if not 0 <= multi_step <= 1 or first_order_steps < 0:
            raise UserError(
                f"algorithm.multi_step={multi_step}, algorithm.first_order_steps="
                f"{first_order_steps}: give a share of the training from 0 to 1, and outer steps."
            )
        self.multi_step, self.first_order_steps = multi_step, first_order_steps
        names = moving(self.model, self.adapted) if step_rates and steps else ()
        self.rates = nn.ParameterDict({key(k): torch.full((steps,), rate) for k in names})
        if step_scales:
            norm.separate_steps(self.model, steps, scales=True)

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        if not self.multi_step or self.steps < 2:
            return super().meta_loss(task, progress)
        counted = range(1, self.steps + 1)
        path = self.trajectory(task, self.steps, progress, at=counted, embedded=True)
        losses = [self.objective.loss(outputs, task.query.targets) for _, outputs in path]
        return (self.loss_weights(progress) * torch.stack(losses)).sum()

    def loss_weights(self, progress: Tensor) -> Tensor:
        """The weights :math:`v` of the losses after 1, 2, ... steps, `(steps,)`, of sum 1."""
        earlier = (1 - progress / self.multi_step).clamp(min=FLOOR) / self.steps
        earlier = torch.where(progress < self.multi_step, earlier, 0.0)
        last = 1 - (self.steps - 1) * earlier
        return torch.cat([earlier.expand(self.steps - 1), last[None]])

    def phase(self, step: int) -> str:
        return "first order" if step < self.first_order_steps else "second order"

    @property
    def gradient(self) -> Gradient:
        return first_order if self.current_phase == "first order" else super().gradient

    def rule(self) -> Rule:
        return StepSGD(self.learned_rates()) if self.rates else super().rule()

    def learned_rates(self) -> dict[str, Tensor]:
        names = {k: key(k) for k, _ in self.model.named_parameters()}
        return {k: self.rates[entry] for k, entry in names.items() if entry in self.rates}
