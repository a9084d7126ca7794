"""Inner gradients whose derivative is a Hessian-vector product, forward mode over reverse mode.

An unrolled inner step leaves the graph of its gradient behind. Here it leaves only its parameters.
The meta-gradient needs the derivative of the inner gradient along one direction, which the rule of
descent hands back: the forward derivative of the gradient along it, computed when the backward pass
reaches the step (Kemaev et al., "Scalable meta-learning via mixed-mode differentiation", 2025).
The Hessian is symmetric, so that this is the unrolled meta-gradient, whatever the rule.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from innerloop.adaptation.checkpointing import Again, repeatable
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.trees import Tensors, moved
from innerloop.errors import UserError


def gradient(
    loss: Callable[..., Tensor], parameters: Parameters, given: tuple[object, ...] = ()
) -> tuple[Parameters, Tensor]:
    """The gradient of `loss(parameters, *given)` for the parameters, and its value.

    Arguments:
        given: trees of tensors and plain values.

    Raises:
        UserError: under autocast, and if the loss uses other tensors that are trained.

    Example:
        >>> start = torch.tensor(2.0, requires_grad=True)
        >>> slope, value = gradient(lambda p: p["x"] ** 3, {"x": start})
        >>> float(slope["x"].detach()), float(torch.autograd.grad(slope["x"], start)[0])
        (12.0, 12.0)
    """
    rest = Tensors(given)
    own = tuple(range(len(parameters)))

    def value(*tensors: Tensor) -> Tensor:
        here = dict(zip(parameters, tensors, strict=False))
        return loss(here, *rest.replaced(tensors[len(own) :]))

    def slopes(*tensors: Tensor) -> tuple[Tensor, ...]:
        slope, at = torch.func.grad_and_value(value, own)(*tensors)
        return *slope, at

    tensors = [*parameters.values(), *rest.tensors]
    _refuse_autocast(tensors[0])
    *slope, at = _ForwardOverReverse.apply(slopes, repeatable(value, *tensors), *tensors)
    return dict(zip(parameters, slope, strict=True)), at


def _refuse_autocast(tensor: Tensor) -> None:
    if torch.is_autocast_enabled(tensor.device.type):
        raise UserError(
            "engine.checkpoint=mixed: trainer.precision=bf16-mixed computes with rounded numbers "
            "whose derivatives in forward mode differ: use trainer.precision=32-true, or "
            "engine.checkpoint=true."
        )


class _ForwardOverReverse(Again):
    """The gradient and the value of a loss; the first outputs belong to the first tensors."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        *direction, weight = gradients
        tensors, needed = list(ctx.saved_tensors), ctx.needs_input_grad[2:]
        moving = [i for i, need in enumerate(needed) if need]

        def slopes(*own: Tensor) -> tuple[Tensor, ...]:
            values = [*own, *tensors[len(own) :]]

            def of_moving(*others: Tensor) -> Tensor:
                return ctx.again(*moved(values, moving, others))

            chosen = tuple(range(len(moving)))
            return torch.func.grad(of_moving, chosen)(*[values[i] for i in moving])

        own = tuple(tensors[: len(direction)])
        both: Any = torch.func.jvp(slopes, own, tuple(direction))
        pairs = zip(moving, *both, strict=True)
        totals = {i: along + weight * here for i, here, along in pairs}
        return None, None, *[totals.get(i) for i in range(len(tensors))]
