"""A linear map of features: with a metric learner, a learned Mahalanobis distance."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    r""":math:`f(x) = A x`, starting from :math:`A x = x`.

    With ProtoNet it learns :math:`|A x - A c|^2`, a Mahalanobis distance between features.

    Arguments:
        input_shape: shape of one input; inputs are flattened.

    Example:
        >>> Linear([2])(torch.tensor([[1.0, 2.0]])).tolist()
        [[1.0, 2.0]]
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        self.width = math.prod(input_shape)
        self.map = nn.Linear(self.width, self.width, bias=False)
        with torch.no_grad():
            nn.init.eye_(self.map.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.map(inputs.flatten(1))
