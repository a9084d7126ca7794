"""Descent of which the outer loop sees the last step alone, as warped gradient descent needs it."""

from typing import NamedTuple

from torch import Tensor

from innerloop.adaptation.gradients import Loss, Parameters, unrolled


def at_constants(loss: Loss, parameters: Parameters) -> tuple[Parameters, Tensor]:
    """The gradient where the parameters are constants: the outer loop sees how it depends on all
    else that the loss depends on."""
    return unrolled(loss, {name: value.detach() for name, value in parameters.items()})


class LastStep(NamedTuple):
    r""":math:`\theta_{k+1} = \theta_0 + \mathrm{stop}(\theta_k - \theta_0) - \alpha \nabla`: plain
    gradient descent, but earlier steps are constants to the outer loop.

    Arguments:
        rate: :math:`\alpha`.
    """

    rate: float

    def start(self, parameters: Parameters) -> Parameters:
        return parameters

    def step(
        self,
        parameters: Parameters,
        gradient: Parameters,
        loss: Tensor,
        state: Parameters,
        number: int,
    ) -> tuple[Parameters, Parameters]:
        earlier = {name: (p - state[name]).detach() for name, p in parameters.items()}
        return {k: p + earlier[k] - self.rate * gradient[k] for k, p in state.items()}, state
