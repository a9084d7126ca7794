"""Wide residual networks (Zagoruyko and Komodakis, "Wide residual networks", 2016), in the form of
FEAT (Ye et al., "Few-shot learning via embedding adaptation with set-to-set functions", 2020)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.drop_block import DropBlock
from innerloop.layers.norm import TaskNorm
from innerloop.models.images import check_images

FIRST = 16  #: filters of the first convolution


class WideResNet(nn.Module):
    """A first convolution and three groups of residual blocks, batch norm and ReLU before each
    convolution; the second and the third group halve the map.

    Arguments:
        input_shape: channels, height and width of an image.
        depth: number of convolutions, 6 k + 4; 28 for WRN-28-10.
        widen: filters of the groups are 16, 32 and 64 times as many; 10 for WRN-28-10.
        norm: mode of batch norm, see `innerloop.layers.norm`.
        drop: dropout between the convolutions of a block.
        average: whether the last map is averaged, or flattened.

    Shapes: images `(n, channels, height, width)`, features `(n, width)`. `map_shape` is that of the
    last map, None where it is averaged.

    Deviations: as in FEAT's code, convolutions have a bias, and a shortcut starts before the batch
    norm of its block; in the original they have none, and it starts behind it.

    Raises:
        UserError: for inputs that are no images, and other depths.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        depth: int = 28,
        widen: int = 10,
        norm: str = "transductive",
        drop: float = 0.0,
        average: bool = True,
    ) -> None:
        super().__init__()
        check_images(input_shape, "A wide ResNet", 1)
        if depth < 10 or depth % 6 != 4:
            raise UserError(f"model.body.depth={depth}: a wide ResNet has 10, 16, 22, 28, ...")
        self.first, channels = nn.Conv2d(input_shape[0], FIRST, 3, padding=1), FIRST
        self.blocks = nn.Sequential()
        for filters, stride in ((16, 1), (32, 2), (64, 2)):
            for number in range((depth - 4) // 6):
                step = stride if number == 0 else 1
                self.blocks.append(WideBlock(channels, filters * widen, step, norm, drop))
                channels = filters * widen
        self.end = nn.Sequential(TaskNorm(channels, norm), nn.ReLU())
        self.average = average
        self.to(memory_format=torch.channels_last)  # faster convolutions
        maps = (channels, *[-(-side // 4) for side in input_shape[1:]])
        self.map_shape = None if average else maps
        self.width = channels if average else maps[0] * maps[1] * maps[2]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.end(self.blocks(self.first(images)))
        return maps.mean((2, 3)) if self.average else maps.flatten(1)


class WideBlock(nn.Module):
    """Batch norm, ReLU and a 3x3 convolution, twice, added to what came in."""

    def __init__(self, channels: int, filters: int, stride: int, norm: str, drop: float) -> None:
        super().__init__()
        self.main = nn.Sequential(
            TaskNorm(channels, norm), nn.ReLU(), nn.Conv2d(channels, filters, 3, padding=1),
            DropBlock(drop, 1),
            TaskNorm(filters, norm), nn.ReLU(), nn.Conv2d(filters, filters, 3, stride, padding=1),
        )  # fmt: skip
        same = channels == filters and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, filters, 1, stride)

    def forward(self, images: Tensor) -> Tensor:
        return self.main(images) + self.shortcut(images)
