"""Implicit differentiation: the derivative of a minimum, whatever path led there (Rajeswaran, Finn,
Kakade and Levine, "Meta-learning with implicit gradients", 2019)."""

import contextvars
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils._pytree import tree_flatten, tree_unflatten

from innerloop.adaptation.gradients import Parameters

Solve = Callable[..., tuple[Tensor, ...]]


def implicit(
    loss: Callable[..., Tensor],
    start: Parameters,
    minimum: Parameters,
    given: tuple[object, ...],
    strength: float,
    iterations: int,
    damping: float = 0.0,
) -> Parameters:
    r"""The minimum as a function of the start that it is kept close to.

    .. math:: \varphi = \arg\min_\varphi L(\varphi) + \frac\lambda2 |\varphi - \theta|^2,
        \qquad \frac{d\varphi}{d\theta} = \Big(I + \frac1\lambda \nabla^2 L(\varphi)\Big)^{-1}

    The inverse is applied by conjugate gradient, which needs only products with the Hessian. Memory
    does not grow with the number of steps that led to the minimum.

    Arguments:
        loss: :math:`L`, `loss(parameters, *given)`, a scalar.
        start: :math:`\theta`, by name.
        minimum: :math:`\varphi`, by name; its own graph is not used.
        given: what else the loss depends on, trees of tensors, which are constants here.
        strength: :math:`\lambda`.
        iterations: of conjugate gradient.
        damping: added to the identity.

    Example:
        >>> start, end = ({"x": torch.tensor([x], requires_grad=True)} for x in (3.0, 1.0))
        >>> moved = implicit(lambda p: p["x"].square().sum(), start, end, (), 1.0, iterations=1)
        >>> torch.autograd.grad(moved["x"], start["x"])[0]  # 1 / (1 + 2)
        tensor([0.3333])
    """
    names, count = list(start), len(start)
    leaves, layout = tree_flatten(given)

    def solve(*tensors: Tensor) -> tuple[Tensor, ...]:
        point, target, rest = tensors[:count], tensors[count : 2 * count], tensors[2 * count :]

        def slope(*values: Tensor) -> tuple[Tensor, ...]:
            named, others = dict(zip(names, values, strict=True)), tree_unflatten(rest, layout)
            return tuple(torch.func.grad(lambda p: loss(p, *others))(named).values())

        pull = torch.func.vjp(slope, *point)[1]

        def product(vector: Tensor) -> Tensor:
            hessian = _flat(pull(_like(vector, point)))
            return (1 + damping) * vector + hessian / strength

        return _like(conjugate_gradient(product, _flat(target), iterations), point)

    context = contextvars.copy_context()  # the layers read it, and the backward pass comes later
    tensors = [*start.values(), *(minimum[name].detach() for name in names), *leaves]
    moved = _Minimum.apply(lambda *x: context.copy().run(solve, *x), count, *tensors)
    return dict(zip(names, moved, strict=True))


def conjugate_gradient(
    product: Callable[[Tensor], Tensor], target: Tensor, iterations: int
) -> Tensor:
    """Solves `product(x) = target` for a symmetric positive definite product, from zero.

    Arguments:
        target: a vector `(n,)`; n iterations give the exact solution but for rounding.
    """
    solution, residual, direction = torch.zeros_like(target), target, target
    squared = residual @ residual
    for _ in range(iterations):
        image = product(direction)
        length = _ratio(squared, direction @ image)
        solution, residual = solution + length * direction, residual - length * image
        before, squared = squared, residual @ residual
        direction = residual + _ratio(squared, before) * direction
    return solution


class _Minimum(Function):
    """The minimum; its backward pass solves for the gradient of the start."""

    generate_vmap_rule = True

    @staticmethod
    def forward(solve: Solve, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor.clone() for tensor in tensors[count : 2 * count])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.solve, ctx.count, *tensors = inputs
        ctx.save_for_backward(*tensors[ctx.count :])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        count, saved = ctx.count, ctx.saved_tensors
        slopes = ctx.solve(*saved[:count], *gradients, *saved[count:])
        return None, None, *slopes, *[None] * len(saved)


def _flat(tensors: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _like(vector: Tensor, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    parts = vector.split([tensor.numel() for tensor in tensors])
    return tuple(part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True))


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """Their ratio; 0 once the solution is exact, where both are 0."""
    return torch.where(below == 0, 0, above / torch.where(below == 0, 1, below))
