"""ALFA: a small network sets rate and weight decay of every inner step (Baik et al.,
"Meta-learning with adaptive hyperparameters", 2020)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.adaptation.generated import GeneratedSGD
from innerloop.adaptation.rules import Rule
from innerloop.adaptation.selection import ALL, moving
from innerloop.algorithms.gradient.maml import MAML
from innerloop.algorithms.gradient.meta_sgd import key
from innerloop.layers.absent import present_classes
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class ALFA(MAML):
    r"""MAML whose inner steps take rate and weight decay from a network :math:`g` that reads the
    means of parameters and gradients, layer by layer:

    .. math:: \varphi_{k+1} = (1 - b_k \beta_k) \varphi_k - a_k \alpha_k \nabla L(\varphi_k), \qquad
        (a_k, b_k) = g(\overline{\varphi_k}, \overline{\nabla L(\varphi_k)}).

    The rates :math:`\alpha_k` and decays :math:`\beta_k` of each layer and step are learned too.

    Arguments:
        rate: initial value of the rates :math:`\alpha`.
        steps: inner steps of training.
        first_order: treat inner gradients as constants.
        adapted: as of `MAML`; `["*", "!*.norm.*"]` leaves batch norm out of the inner loop.
        decay: initial value of the decays :math:`\beta`, in units of `rate`.

    Shapes: as of `MAML`; for n adapted parameters :math:`g` maps `(2 n,)` to `(2 n,)`, through as
    many hidden units.

    Raises:
        UserError: as `MAML`.

    Deviations: the last layer of :math:`g` starts with a bias of 1, so that training starts near
    MAML; the authors' starts near 0 and first has to learn a rate. Their code treats the gradients
    that :math:`g` reads as constants, which the paper does not say; here the outer loop
    differentiates through them. In tasks of unequal size, the means count a task's classes alone.
    Steps of a test beyond those of the training use the last rates and decays.

    References:
        Baik, Choi, Choi, Kim and Lee, "Meta-learning with adaptive hyperparameters", 2020.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = ALFA(Network(MLP([1]), outputs=1), Regression(), rate=0.01, steps=2)
        >>> learner.generator[0].in_features  # six parameters, and their gradients
        12
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 5,
        first_order: bool = False,
        adapted: str | Sequence[str] = ALL,
        decay: float = 0.0005,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order, adapted)
        names, rows = list(moving(self.model, self.adapted)), max(steps, 1)
        self.rates = nn.ParameterDict({key(k): torch.full((rows,), rate) for k in names})
        self.decays = nn.ParameterDict({key(k): torch.full((rows,), rate * decay) for k in names})
        width = 2 * len(names)
        self.generator = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        nn.init.ones_(self.generator[2].bias)  # type: ignore[arg-type]

    def rule_for(self, support: Examples) -> Rule:
        return GeneratedSGD(
            generator=self.generator,
            weights=dict(self.generator.named_parameters()),
            rates=self.learned_rates(),
            decays={k: self.decays[key(k)] for k in self.learned_rates()},
            present=present_classes(support, self.objective.width),
        )

    def learned_rates(self) -> dict[str, Tensor]:
        names = {k: key(k) for k, _ in self.model.named_parameters()}
        return {k: self.rates[entry] for k, entry in names.items() if entry in self.rates}
