"""The fully connected body of MAML's regression (Finn et al. 2017, section 5.1)."""

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear layers with ReLU between them; flattens its input.

    Arguments:
        input_shape: shape of one input.
        hidden: width of each layer.
        normalised: whether a layer norm ends it, so that features stay bounded where inputs are
            unlike those of training.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        hidden: Sequence[int] = (40, 40),
        normalised: bool = False,
    ) -> None:
        super().__init__()
        widths = [math.prod(input_shape), *hidden]
        self.width = widths[-1]
        self.layers = nn.Sequential(nn.Flatten())
        for narrow, wide in itertools.pairwise(widths):
            self.layers.extend([nn.Linear(narrow, wide), nn.ReLU()])
        if normalised:
            self.layers.append(nn.LayerNorm(self.width))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(inputs)
