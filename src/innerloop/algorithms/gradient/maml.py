"""MAML: learn an initialisation from which a few gradient steps suffice (Finn, Abbeel and Levine,
"Model-agnostic meta-learning for fast adaptation of deep networks", 2017, algorithm 2)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Gradient, Parameters, first_order, unrolled
from innerloop.adaptation.rules import SGD, Rule
from innerloop.adaptation.selection import ALL, check_patterns, in_full, moving
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.layers.absent import mask_absent_classes
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class Adapted(NamedTuple):
    """A model adapted to a task: all its parameters by name."""

    parameters: Parameters


class MAML(Algorithm):
    r"""Inner loop :math:`\varphi_{k+1} = \varphi_k - \alpha \nabla L_{support}(\varphi_k)` from
    :math:`\varphi_0 = \theta`; outer loop :math:`\min_\theta L_{query}(\varphi_K(\theta))`.

    Arguments:
        rate: inner learning rate :math:`\alpha`.
        steps: inner steps :math:`K` of training.
        first_order: treat inner gradients as constants (section 5.2 of the paper).
        adapted: patterns of the names of parameters that the inner loop moves. `["body.*"]` is
            BOIL, `["head.*"]` is ANIL, which `innerloop.algorithms.gradient.anil` runs faster.
            Frozen and tied parameters: `innerloop.adaptation.selection`.

    Shapes: the support's inputs are `(n, ...)` with labels `(n,)` below the width of the head, or
    real targets `(n, d)`; outputs are `(queries, width)`.

    Raises:
        UserError: if `rate` is not positive or `adapted` names no parameter.

    Deviations: with classes that a task does not have (tasks of unequal size), their outputs are
    left out of the softmax; the paper has tasks of one size.

    References:
        Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast adaptation of deep
        networks", 2017. Oh et al., "BOIL: towards representation change for few-shot learning",
        2021.

    Example:
        >>> import torch
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> from innerloop.tasks import Task
        >>> learner = MAML(Network(MLP([1]), outputs=1), Regression(), rate=0.01, steps=2)
        >>> x = torch.linspace(-1, 1, 5)[:, None]
        >>> task = Task(Examples(x, x.sin()), Examples(x, x.sin()))
        >>> path = learner.trajectory(task, steps=2, progress=torch.tensor(1.0))
        >>> [tuple(outputs.shape) for _, outputs in path]
        [(5, 1), (5, 1), (5, 1)]
    """

    mixed_mode = True

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        first_order: bool = False,
        adapted: str | Sequence[str] = ALL,
    ) -> None:
        super().__init__(model, objective, steps)
        self.rate, self.first_order = positive_rate(rate), first_order
        self.adapted = check_patterns(self.model, adapted, "algorithm.adapted")
        self.exact_meta_gradient = not first_order

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = self.start(support)
        fixed = {k: p for k, p in self.model.named_parameters() if k not in start}

        def loss(
            parameters: Parameters, number: int, fixed: Parameters, support: Examples
        ) -> Tensor:
            return self.support_loss(fixed | parameters, number, support)

        rule, given = self.rule_for(support), (fixed, support)
        for parameters in descend(loss, start, steps, rule, self.gradient, given):
            yield Adapted(fixed | parameters)

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        return self.outputs(adapted.parameters, inputs)

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return in_full(self.model, adapted.parameters)

    @property
    def second_order(self) -> bool:
        return super().second_order and self.gradient is unrolled

    # --- what a method that builds on MAML may change

    def start(self, support: Examples) -> Parameters:
        """The parameters that the inner loop moves, before its first step."""
        return moving(self.model, self.adapted)

    def support_loss(self, parameters: Parameters, number: int, support: Examples) -> Tensor:
        """What inner step `number`, from 0, descends, with all parameters given."""
        outputs = self.outputs(parameters, support.inputs)
        return self.objective.loss(mask_absent_classes(outputs, support), support.targets)

    def outputs(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Outputs `(n, width)` of the model with all its parameters given."""
        return self.call(self.model, parameters, inputs)

    def rule(self) -> Rule:
        """How the inner loop descends."""
        return SGD(self.rate)

    def rule_for(self, support: Examples) -> Rule:
        """How the inner loop descends on this support: by default as on any."""
        return self.rule()

    @property
    def gradient(self) -> Gradient:
        """What the outer loop sees of an inner gradient."""
        return first_order if self.first_order else unrolled


def positive_rate(rate: float) -> float:
    """`rate`, which must be above zero."""
    if not rate > 0:
        raise UserError(
            f"inner.rate={rate}: an inner loop descends with a rate above zero, such as 0.01."
        )
    return rate
