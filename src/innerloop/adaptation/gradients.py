"""How to differentiate through the inner loop: what the outer loop sees of an inner gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

Parameters = dict[str, Tensor]
Loss = Callable[[Parameters], Tensor]
Gradient = Callable[[Loss, Parameters], Parameters]


def unrolled(loss: Loss, parameters: Parameters) -> Parameters:
    """The gradient of the loss, itself differentiable: second derivatives reach the outer loop."""
    return torch.func.grad(loss)(parameters)


def first_order(loss: Loss, parameters: Parameters) -> Parameters:
    """The gradient of the loss as a constant (Finn et al. 2017, section 5.2)."""
    constants = {name: value.detach() for name, value in parameters.items()}
    with torch.no_grad():  # nothing of this pass is kept for the outer loop
        gradient = torch.func.grad(loss)(constants)
    return {name: value.detach() for name, value in gradient.items()}
