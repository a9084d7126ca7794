"""LoRA: the inner loop adapts low-rank additions to the weights (Hu et al., "LoRA: low-rank
adaptation of large language models", 2022)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.selection import check_patterns, in_full, moving
from innerloop.algorithms.gradient.maml import MAML, Adapted
from innerloop.errors import UserError
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs


class LoRA(MAML):
    r"""MAML whose inner loop leaves the weights :math:`W` of the body as they are, and moves the
    head and the factors of an addition to them:

    .. math:: \varphi(W) = W + s \, B A, \qquad A: r \times d_{in}, \quad B: d_{out} \times r.

    The outer loop learns the initial values of :math:`A` and :math:`B`. It also learns :math:`W`,
    unless the body is frozen because it is pretrained: `init_from=RUN algorithm.frozen=true`.

    Arguments:
        rate: inner learning rate, of the factors and of the head.
        steps: inner steps of training.
        rank: :math:`r`; of a smaller matrix, its smaller side.
        scale: :math:`s`.
        low_rank: patterns of the names of weights that get an addition; biases never do.
        adapted: patterns of the names of parameters that move as a whole.
        frozen: whether the outer loop leaves the weights as they are that `low_rank` names.
        first_order: treat inner gradients as constants.

    Shapes: as of `MAML`; the kernels of a convolution, `(filters, channels, height, width)`, are a
    matrix of `filters` rows.

    Raises:
        UserError: for a rank below 1, and for patterns that name no weights.

    Deviations: the paper adapts one network to one task by long training; here a few inner steps
    do so for each task, and the start of the factors is learned. As in the paper, :math:`B` starts
    at zero in the first outer step, so that the network starts unchanged.

    References:
        Hu et al., "LoRA: low-rank adaptation of large language models", 2022.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = LoRA(Network(MLP([1]), 1), Regression(), rate=0.01, rank=2)
        >>> learner.start(None)["body.layers.3.weight/up"].shape
        torch.Size([40, 2])
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        rank: int = 4,
        scale: float = 1.0,
        low_rank: str | Sequence[str] = ("body.*",),
        adapted: str | Sequence[str] = ("head.*",),
        frozen: bool = False,
        first_order: bool = False,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order, adapted)
        if rank < 1:
            raise UserError(f"algorithm.rank={rank}: give 1 or more, such as 4.")
        chosen = moving(self.model, check_patterns(self.model, low_rank, "algorithm.low_rank"))
        self.scale, self.factors = scale, nn.ParameterDict()
        self.names = [name for name, weight in chosen.items() if weight.dim() > 1]
        for name in self.names:
            down, up = _factors(chosen[name], rank)
            self.factors[f"{_key(name)}/down"], self.factors[f"{_key(name)}/up"] = down, up
            chosen[name].requires_grad_(not frozen)
        self.whole, self.adapted = self.adapted, (*self.adapted, *self.names)

    def start(self, support: Examples) -> Parameters:
        return moving(self.model, self.whole) | self.factors_by_name()

    def factors_by_name(self) -> Parameters:
        """The factors A and B of each weight, as `NAME/down` and `NAME/up`."""
        parts = [(name, part) for name in self.names for part in ("down", "up")]
        return {f"{name}/{part}": self.factors[f"{_key(name)}/{part}"] for name, part in parts}

    def outputs_at_start(self, inputs: Inputs) -> Tensor:
        whole = dict(self.model.named_parameters()) | self.factors_by_name()
        return self.call(self.model, self.merged(whole), inputs)

    def outputs(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        return super().outputs(self.merged(parameters), inputs)

    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        return in_full(self.model, self.merged(adapted.parameters))

    def merged(self, parameters: Parameters) -> Parameters:
        """The parameters of the model, with the additions in its weights."""
        own = {name: p for name, p in parameters.items() if "/" not in name}
        for name in self.names:
            addition = parameters[f"{name}/up"] @ parameters[f"{name}/down"]
            own[name] = own[name] + self.scale * addition.reshape(own[name].shape)
        return own


def _factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Random `A` `(r, in)` and zero `B` `(out, r)` for a weight."""
    rows, columns = weight.flatten(1).shape
    rank = min(rank, rows, columns)
    return torch.randn(rank, columns) / columns**0.5, torch.zeros(rows, rank)


def _key(name: str) -> str:
    return name.replace(".", "/")  # a ParameterDict allows no dots
