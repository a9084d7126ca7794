"""Applies a function to the inputs of tasks that may be padded."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.tasks import Examples, Inputs, Padded, Task


def map_inputs(function: Callable[[Inputs], Inputs], tasks: Task) -> Task:
    """The tasks with `function` applied to their inputs; where they are padded, to the values.

    Arguments:
        function: of inputs of any leading shape.
        tasks: a batch of tasks. The padding of the new tasks is zero.
    """
    return Task(*[Examples(_apply(function, inputs), targets) for inputs, targets in tasks])


def _apply(function: Callable[[Inputs], Inputs], inputs: Inputs) -> Inputs:
    if not isinstance(inputs, Padded):
        return function(inputs)

    def zero_padding(values: Tensor) -> Tensor:
        real = inputs.real.view(*inputs.real.shape, *[1] * (values.ndim - inputs.real.ndim))
        return torch.where(real, values, 0)

    return Padded(tree_map(zero_padding, function(inputs.values)), inputs.real)
