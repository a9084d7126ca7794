"""Meta-LSTM: an LSTM whose cell holds the learner's weights (Ravi and Larochelle, "Optimization as
a model for few-shot learning", 2017)."""

import math

import torch
from torch import Tensor, nn

from innerloop.adaptation.learned import CoordinateNetwork, Learned, Memory, log_and_sign
from innerloop.adaptation.rules import Rule
from innerloop.algorithms.gradient.maml import MAML
from innerloop.errors import UserError
from innerloop.layers.lstm import LSTMCell
from innerloop.objectives import Objective


class MetaLSTM(MAML):
    r"""Learns how much of a weight to keep and how far to follow its gradient, for every weight and
    step, with one network for all weights:

    .. math:: \varphi_{k+1} = \sigma(f_k)\, \varphi_k - \sigma(i_k)\, \nabla L_{support}(\varphi_k),
        \qquad f_k = W_f [h_k, \varphi_k, f_{k-1}], \quad i_k = W_i [h_k, \varphi_k, i_{k-1}].

    :math:`h` is the output of an LSTM that sees gradient and loss as logarithm and sign.

    Arguments:
        rate: what the input gate :math:`\sigma(i)` starts near, between 0 and 1.
        steps: inner steps of training.
        width: of the LSTM.
        keep: what the forget gate :math:`\sigma(f)` starts near, between 0 and 1.
        first_order: treat inner gradients as constants, as the paper does.

    Shapes: as of `MAML`; the gates are `(n,)` for n weights.

    Raises:
        UserError: if `rate` or `keep` is not between 0 and 1.

    Deviations: every step sees the whole support, where the authors' code walks through it in
    minibatches of five; batch norm follows `norm=`, where the code collects averages in training
    and uses them in test. Weights start as the network draws them, the learner's as the first cell.

    References:
        Ravi and Larochelle, "Optimization as a model for few-shot learning", 2017. Code:
        twitter-research/meta-learning-lstm.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = MetaLSTM(Network(MLP([1]), outputs=1), Regression(), rate=0.01)
        >>> learner.gates.enter.bias.detach().sigmoid()
        tensor([0.0100])
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 5,
        width: int = 20,
        keep: float = 0.99,
        first_order: bool = True,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order)
        if not (rate < 1 and 0 < keep < 1):
            raise UserError(
                f"inner.rate={rate}, algorithm.keep={keep}: Meta-LSTM's gates start between 0 and "
                "1, such as 0.01 and 0.99."
            )
        self.gates = Gates(width, rate, keep)

    def rule(self) -> Rule[Memory]:
        return Learned(self.gates, dict(self.gates.named_parameters()))


class Gates(CoordinateNetwork):
    """The two gates of every weight, which remember their values before the sigmoid."""

    def __init__(self, width: int, rate: float, keep: float) -> None:
        super().__init__()
        self.lstm = LSTMCell(4, width, spread=0.01)
        self.enter, self.forget = nn.Linear(width + 2, 1), nn.Linear(width + 2, 1)
        for gate, first in ((self.enter, rate), (self.forget, keep)):
            nn.init.uniform_(gate.weight, -0.01, 0.01)
            nn.init.constant_(gate.bias, math.log(first / (1 - first)))

    def start(self, numbers: Tensor) -> Memory:
        output = numbers.new_zeros(len(numbers), self.lstm.width)
        return output, output, torch.zeros_like(numbers), torch.zeros_like(numbers)

    def forward(
        self, numbers: Tensor, slopes: Tensor, loss: Tensor, memory: Memory
    ) -> tuple[Tensor, Memory]:
        output, cell, enter, forget = memory
        features = torch.cat([log_and_sign(slopes), log_and_sign(loss.expand_as(slopes))], 1)
        output, cell = self.lstm(features, (output, cell))
        seen = torch.cat([output, numbers[:, None]], 1)
        enter, forget = (
            gate(torch.cat([seen, before[:, None]], 1)).squeeze(1)
            for gate, before in ((self.enter, enter), (self.forget, forget))
        )
        moved = forget.sigmoid() * numbers - enter.sigmoid() * slopes
        return moved, (output, cell, enter, forget)
