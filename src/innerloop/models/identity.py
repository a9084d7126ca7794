"""A body that passes its inputs on, for inputs that are features already."""

import math
from collections.abc import Sequence

from torch import Tensor, nn


class Identity(nn.Module):
    """:math:`f(x) = x`, flattened.

    Arguments:
        input_shape: shape of one input.

    Example:
        >>> import torch
        >>> Identity([2, 3])(torch.ones(5, 2, 3)).shape
        torch.Size([5, 6])
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        self.width = math.prod(input_shape)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1)
