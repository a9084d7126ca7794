"""ResNet-12, the usual backbone of few-shot learning on 84x84 images (Oreshkin et al., "TADAM",
2018; Lee et al., "Meta-learning with differentiable convex optimization", 2019)."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.layers.drop_block import DropBlock
from innerloop.layers.norm import TaskNorm
from innerloop.models.images import check_images

SMALLEST = 2**4  #: side of an image that four 2x2 poolings turn into one pixel
WIDE, NARROW = (64, 160, 320, 640), (64, 128, 256, 512)


class ResNet12(nn.Module):
    """Four residual blocks of three convolutions, each followed by 2x2 max-pooling.

    Arguments:
        input_shape: channels, height and width of an image.
        filters: channels of the blocks: 64, 160, 320, 640 as in MetaOptNet, or 64, 128, 256, 512 as
            in TADAM.
        norm: mode of batch norm, see `innerloop.layers.norm`.
        drop: share of the maps that training drops: single values after the first two blocks,
            squares after the last two.
        square: side of these squares.
        average: whether the last map is averaged, or flattened (16,000 features for 84x84).

    Shapes: images `(n, channels, height, width)`, features `(n, width)`. `map_shape` is that of the
    last map, None where it is averaged.

    Deviations: MetaOptNet's code increases the rate of DropBlock over the first 40,000 forward
    passes. Here the rate is constant, see `innerloop.layers.drop_block`.

    Raises:
        UserError: for inputs that are no images, or too small for the poolings.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        filters: Sequence[int] = WIDE,
        norm: str = "transductive",
        drop: float = 0.0,
        square: int = 5,
        average: bool = True,
    ) -> None:
        super().__init__()
        check_images(input_shape, "ResNet-12", SMALLEST)
        sizes, channels = (1, 1, square, square), [input_shape[0], *filters]
        self.blocks = nn.Sequential()
        for size, (before, after) in zip(sizes, itertools.pairwise(channels), strict=True):
            self.blocks.append(Block(before, after, norm))
            self.blocks.append(DropBlock(drop, size))
        self.average = average
        self.to(memory_format=torch.channels_last)  # faster convolutions
        maps = (filters[-1], input_shape[1] // SMALLEST, input_shape[2] // SMALLEST)
        self.map_shape = None if average else maps
        self.width = filters[-1] if average else maps[0] * maps[1] * maps[2]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.blocks(images)
        return maps.mean((2, 3)) if self.average else maps.flatten(1)


class Block(nn.Module):
    """Three 3x3 convolutions with batch norm beside a 1x1 convolution, then 2x2 max-pooling."""

    def __init__(self, channels: int, filters: int, norm: str) -> None:
        super().__init__()
        self.main = nn.Sequential()
        for before in (channels, filters, filters):
            self.main.append(_convolution(before, filters, 3))
            self.main.append(TaskNorm(filters, norm))
            self.main.append(nn.LeakyReLU(0.1))
        del self.main[-1]  # the last one comes after the sum
        self.shortcut = nn.Sequential(_convolution(channels, filters, 1), TaskNorm(filters, norm))
        self.end = nn.Sequential(nn.LeakyReLU(0.1), nn.MaxPool2d(2))

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.main(images) + self.shortcut(images))


def _convolution(channels: int, filters: int, size: int) -> nn.Conv2d:
    convolution = nn.Conv2d(channels, filters, size, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="leaky_relu")
    return convolution
