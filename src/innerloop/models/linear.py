"""A linear map of features: with a metric learner, a learned Mahalanobis distance."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.layers.cosine import unit


class Linear(nn.Module):
    r""":math:`f(x) = A x / |x|`, starting from :math:`A = s I`.

    With ProtoNet it learns :math:`|A x - A c|^2`, a Mahalanobis distance between directions.

    Arguments:
        input_shape: shape of one input; inputs are flattened.
        scale: s; the larger, the surer ProtoNet's first answers.

    Example:
        >>> Linear([2])(torch.tensor([[3.0, 4.0]])).tolist()
        [[3.0, 4.0]]
    """

    def __init__(self, input_shape: Sequence[int], scale: float = 5.0) -> None:
        super().__init__()
        self.width = math.prod(input_shape)
        self.map = nn.Linear(self.width, self.width, bias=False)
        with torch.no_grad():
            self.map.weight.copy_(scale * torch.eye(self.width))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.map(unit(inputs.flatten(1)))
