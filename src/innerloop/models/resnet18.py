"""ResNet-18 (He et al., "Deep residual learning for image recognition", 2016), also for small
images."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.norm import TaskNorm
from innerloop.models.images import check_images

FILTERS = (64, 64, 128, 128, 256, 256, 512, 512)  #: of the eight blocks; their maps shrink with it


class ResNet18(nn.Module):
    """A first convolution, eight residual blocks of two convolutions, and the mean of the last map.

    Arguments:
        input_shape: channels, height and width of an image.
        norm: mode of batch norm, see `innerloop.layers.norm`.
        stem: `small`, a 3x3 convolution that keeps the size of 84x84 images, or `imagenet`, a 7x7
            convolution of stride 2 and max-pooling, for 224x224.
        average: whether the last map is averaged, or flattened.

    Shapes: images `(n, channels, height, width)`, features `(n, width)`. `map_shape` is that of the
    last map, None where it is averaged.

    Raises:
        UserError: for inputs that are no images, and unknown stems.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        norm: str = "transductive",
        stem: str = "small",
        average: bool = True,
    ) -> None:
        super().__init__()
        check_images(input_shape, "ResNet-18", 1)
        self.stem = _stem(input_shape[0], norm, stem)
        pairs = itertools.pairwise([FILTERS[0], *FILTERS])
        self.blocks = nn.Sequential(*[BasicBlock(a, b, norm) for a, b in pairs])
        self.average = average
        self.to(memory_format=torch.channels_last)  # faster convolutions
        shrinking = 8 if stem == "small" else 32
        maps = (FILTERS[-1], *[-(-side // shrinking) for side in input_shape[1:]])
        self.map_shape = None if average else maps
        self.width = maps[0] if average else maps[0] * maps[1] * maps[2]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.blocks(self.stem(images))
        return maps.mean((2, 3)) if self.average else maps.flatten(1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to what came in; more filters halve the map."""

    def __init__(self, channels: int, filters: int, norm: str) -> None:
        super().__init__()
        stride = 1 if channels == filters else 2
        self.main = nn.Sequential(
            _convolution(channels, filters, 3, stride), TaskNorm(filters, norm), nn.ReLU(),
            _convolution(filters, filters, 3, 1), TaskNorm(filters, norm),
        )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(_convolution(channels, filters, 1, stride))
            self.shortcut.append(TaskNorm(filters, norm))

    def forward(self, images: Tensor) -> Tensor:
        return (self.main(images) + self.shortcut(images)).relu()


def _stem(channels: int, norm: str, stem: str) -> nn.Sequential:
    if stem not in ("small", "imagenet"):
        raise UserError(
            f"model.body.stem={stem} is not known to ResNet-18: choose small or imagenet."
        )
    size, stride = (3, 1) if stem == "small" else (7, 2)
    convolution = _convolution(channels, FILTERS[0], size, stride)
    layers = nn.Sequential(convolution, TaskNorm(FILTERS[0], norm), nn.ReLU())
    return layers if stem == "small" else layers.append(nn.MaxPool2d(3, 2, padding=1))


def _convolution(channels: int, filters: int, size: int, stride: int) -> nn.Conv2d:
    convolution = nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution
