"""How to differentiate through the inner loop: what the outer loop sees of an inner gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

Parameters = dict[str, Tensor]
Loss = Callable[[Parameters], Tensor]
Gradient = Callable[[Loss, Parameters], tuple[Parameters, Tensor]]  #: and the value of the loss


def unrolled(loss: Loss, parameters: Parameters) -> tuple[Parameters, Tensor]:
    """The gradient of the loss, itself differentiable: second derivatives reach the outer loop."""
    gradient, value = torch.func.grad_and_value(loss)(parameters)
    return gradient, value


def first_order(loss: Loss, parameters: Parameters) -> tuple[Parameters, Tensor]:
    """The gradient of the loss as a constant (Finn et al. 2017, section 5.2)."""
    constants = {name: value.detach() for name, value in parameters.items()}
    with torch.no_grad():  # nothing of this pass is kept for the outer loop
        gradient, value = torch.func.grad_and_value(loss)(constants)
    return {name: slope.detach() for name, slope in gradient.items()}, value.detach()
