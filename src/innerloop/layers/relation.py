"""The relation module: a small network that says how alike two feature maps are."""

import torch
from torch import Tensor, nn

from innerloop.layers.maps import MapShape


class RelationModule(nn.Module):
    """Two blocks of 3x3 convolution, group norm, ReLU and 2x2 max-pooling, then two linear layers.

    Arguments:
        shape: channels, height and width of the maps that it compares.
        filters: channels of the blocks.
        hidden: width between the linear layers.

    A pooling keeps the odd row and column at the edge, so that a map of any size is left with one
    place or more.

    Example:
        >>> maps = torch.randn(2, 3, 5, 5)
        >>> RelationModule((3, 5, 5), filters=4)(maps, maps).shape
        torch.Size([2])
    """

    def __init__(self, shape: MapShape, filters: int = 64, hidden: int = 8) -> None:
        super().__init__()
        channels, *sides = shape
        self.blocks = nn.Sequential(_block(2 * channels, filters), _block(filters, filters))
        height, width = (-(-side // 4) for side in sides)  # rounded up, as both poolings do
        places = filters * height * width
        self.score = nn.Sequential(nn.Linear(places, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The log-odds `(n,)` that maps `(n, c, h, w)` belong together."""
        maps = self.blocks(torch.cat([first, second], 1))
        return self.score(maps.flatten(1)).squeeze(1)


def _block(channels: int, filters: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3, padding=1),
        nn.GroupNorm(1, filters),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
    )
