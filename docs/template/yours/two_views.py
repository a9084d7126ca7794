"""A model: any `nn.Module`. The body has a `width`; the head is innerloop's own."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class TwoViews(nn.Module):
    """Reads inputs of two parts, and joins their features.

    Arguments:
        input_shape: of each part, by name, as `dataset.input_shape` says it.
        hidden: features of each part.
    """

    def __init__(self, input_shape: Mapping[str, list[int]], hidden: int = 32) -> None:
        super().__init__()
        self.width = 2 * hidden  # of the features that come out
        self.shape = nn.Sequential(nn.Linear(input_shape["shape"][0], hidden), nn.ReLU())
        self.colour = nn.Sequential(nn.Linear(input_shape["colour"][0], hidden), nn.ReLU())

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([self.shape(inputs["shape"]), self.colour(inputs["colour"])], -1)
