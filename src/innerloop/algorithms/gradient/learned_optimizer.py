"""A learned optimizer in the inner loop (after Andrychowicz et al., "Learning to learn by gradient
descent by gradient descent", 2016)."""

from torch import Tensor, nn

from innerloop.adaptation.learned import CoordinateNetwork, Learned, Memory, log_and_sign
from innerloop.adaptation.rules import Rule
from innerloop.algorithms.gradient.maml import MAML
from innerloop.layers.lstm import LSTMCell
from innerloop.objectives import Objective


class LearnedOptimizer(MAML):
    r"""Learns what to add to a gradient step, for every weight by itself, with one LSTM for all:

    .. math:: \varphi_{k+1} = \varphi_k - \alpha \big( \nabla L_{support}(\varphi_k) + W h_k \big),
        \qquad h_k = \mathrm{LSTM}(\nabla L_{support}(\varphi_k), h_{k-1}).

    The LSTM sees a gradient as its logarithm and its sign.

    Arguments:
        rate: inner learning rate :math:`\alpha`.
        steps: inner steps of training.
        width: of the LSTM.
        first_order: treat inner gradients as constants, as the paper does.

    Shapes: as of `MAML`; :math:`h` is `(n, width)` for n weights.

    Deviations: the paper's network writes the whole update; here it adds to a gradient step, so
    that it equals MAML where :math:`W = 0`, and has one layer in place of two. The paper learns no
    start, adds up the loss of every step on the examples that it trains on, and runs 100 steps cut
    into pieces of 20; here the outer loop minimises the queries' loss after the last step, and
    improves the start too.

    References:
        Andrychowicz, Denil, Gomez, Hoffman, Pfau, Schaul, Shillingford and de Freitas, "Learning to
        learn by gradient descent by gradient descent", 2016. Code: deepmind/learning-to-learn.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = LearnedOptimizer(Network(MLP([1]), outputs=1), Regression(), rate=0.01)
        >>> learner.update.readout.weight.shape
        torch.Size([1, 20])
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 5,
        width: int = 20,
        first_order: bool = True,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order)
        self.update = Update(width, rate)

    def rule(self) -> Rule[Memory]:
        return Learned(self.update, dict(self.update.named_parameters()))


class Update(CoordinateNetwork):
    """A gradient step and what an LSTM adds to it."""

    def __init__(self, width: int, rate: float) -> None:
        super().__init__()
        self.rate, self.lstm = rate, LSTMCell(2, width)
        self.readout = nn.Linear(width, 1, bias=False)
        nn.init.uniform_(self.readout.weight, -0.01, 0.01)

    def start(self, numbers: Tensor) -> Memory:
        zeros = numbers.new_zeros(len(numbers), self.lstm.width)
        return zeros, zeros

    def forward(
        self, numbers: Tensor, slopes: Tensor, loss: Tensor, memory: Memory
    ) -> tuple[Tensor, Memory]:
        output, cell = memory
        output, cell = self.lstm(log_and_sign(slopes), (output, cell))
        step = slopes + self.readout(output).squeeze(1)
        return numbers - self.rate * step, (output, cell)
