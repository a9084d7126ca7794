"""Two ways to get the meta-gradient of tasks that run side by side.

The faster one differentiates the mean of all tasks' losses at once. For some of PyTorch's layers
(`nn.LayerNorm`, `nn.InstanceNorm2d`) it is wrong in second order (torch 2.15, against finite
differences); differentiating each task by itself, within `vmap`, is right for them.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
from torch.utils._pytree import tree_map

from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Task

Gradient = tuple[Tensor, dict[str, Tensor]]


def of_the_mean(loss: Tensor, parameters: Mapping[str, Tensor]) -> Gradient:
    """The loss and its gradient, by name of the parameters; 0 for those that it does not use."""
    gradient = torch.autograd.grad(
        loss, list(parameters.values()), allow_unused=True, materialize_grads=True
    )
    return loss.detach(), dict(zip(parameters, gradient, strict=True))


def of_each_task(
    algorithm: Algorithm,
    parameters: Mapping[str, Tensor],
    tasks: Task,
    progress: Tensor,
    fixed: Mapping[str, Tensor] | None = None,
) -> Gradient:
    """The mean meta-loss and its gradient, by differentiating the loss of each task.

    Arguments:
        parameters: those of the algorithm to differentiate for, by name.
        fixed: other values of the algorithm, in place of its own.
    """

    def loss(values: dict[str, Tensor], task: Task) -> Tensor:
        single = tree_map(lambda x: x[None], task)
        mean: Tensor = functional_call(algorithm, {**(fixed or {}), **values}, (single, progress))
        return mean

    values = {name: value.detach() for name, value in parameters.items()}
    each = vmap(grad_and_value(loss), in_dims=(None, 0), randomness="different")
    gradients, losses = each(values, tasks)
    return losses.mean(), {name: gradient.mean(0) for name, gradient in gradients.items()}
