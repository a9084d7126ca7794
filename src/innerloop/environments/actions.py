"""What the outputs of a policy mean: which actions, with which probability."""

import math
from typing import Protocol

from torch import Tensor
from torch.nn import functional as F

from innerloop.environments import noise

LIMIT = 3.0  #: of the logarithm of a deviation, in units of the first one


class Actions(Protocol):
    """A kind of actions, and how a policy's outputs distribute them.

    Arguments:
        width: numbers of an action.
        outputs: numbers that a policy gives for it.
    """

    width: int
    outputs: int

    def draw(self, outputs: Tensor, uniforms: Tensor) -> Tensor:
        """Actions `(..., width)`, from outputs `(..., outputs)` and as many uniform numbers."""

    def log_probability(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Logarithms of the probability, or of its density: `(...)`."""

    def entropy(self, outputs: Tensor) -> Tensor:
        """The mean of minus that logarithm: `(...)`."""


class Continuous:
    r"""Normal numbers of mean :math:`c m` and deviation :math:`c \sigma e^{3 \tanh(s/3)}`,
    where the outputs are m, then s; the deviation stays within a factor of 20.

    Arguments:
        width: numbers of an action.
        scale: c, the size of usual actions.
        spread: :math:`\sigma`, so that outputs near 0 explore.

    Example:
        >>> kind = Continuous(1, scale=0.1)
        >>> kind.draw(torch.tensor([2.0, 0.0]), torch.tensor([0.5]))
        tensor([0.2000])
    """

    def __init__(self, width: int, scale: float, spread: float = 1.0) -> None:
        self.width, self.outputs = width, 2 * width
        self.scale, self.spread = scale, spread

    def draw(self, outputs: Tensor, uniforms: Tensor) -> Tensor:
        mean, deviation = self._moments(outputs)
        return mean + deviation * noise.normal(uniforms).to(mean.dtype)

    def log_probability(self, outputs: Tensor, actions: Tensor) -> Tensor:
        mean, deviation = self._moments(outputs)
        squares = ((actions - mean) / deviation).square()
        return -(0.5 * squares + deviation.log() + 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self, outputs: Tensor) -> Tensor:
        _, deviation = self._moments(outputs)
        return (deviation.log() + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)

    def _moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = outputs.chunk(2, -1)
        bounded = LIMIT * (log_deviation / LIMIT).tanh()
        return self.scale * mean, self.scale * self.spread * bounded.exp()


class Discrete:
    """One of several choices; an action has a 1 in its place, and the outputs are logits.

    Example:
        >>> Discrete(3).draw(torch.zeros(3), torch.full((3,), 0.5))
        tensor([0., 1., 0.])
    """

    def __init__(self, choices: int) -> None:
        self.width = self.outputs = choices

    def draw(self, outputs: Tensor, uniforms: Tensor) -> Tensor:
        """The choice at which the cumulated probability passes the first uniform number."""
        passed = outputs.softmax(-1).cumsum(-1)[..., :-1] < uniforms[..., :1]
        return F.one_hot(passed.sum(-1), self.width).to(outputs.dtype)

    def log_probability(self, outputs: Tensor, actions: Tensor) -> Tensor:
        return (outputs.log_softmax(-1) * actions).sum(-1)

    def entropy(self, outputs: Tensor) -> Tensor:
        logs = outputs.log_softmax(-1)
        return -(logs.exp() * logs).sum(-1)
