"""Networks of 28 x 28 images as people bring them, with PyTorch's own layers."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Three convolutions with batch norm, and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (inputs, outputs, outputs):
            layers += [
                nn.Conv2d(width, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.1),
            ]
        self.layers = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, images: Tensor) -> Tensor:
        sums = self.layers(images) + self.shortcut(images)
        return F.max_pool2d(F.leaky_relu(sums, 0.1), 2)


class PlainResNet12(nn.Module):
    """Four blocks of three convolutions, with `nn.BatchNorm2d`."""

    def __init__(self, filters: Sequence[int]) -> None:
        super().__init__()
        self.width = filters[-1]
        inputs = [1, *filters[:-1]]
        self.blocks = nn.Sequential(*[Block(*sizes) for sizes in zip(inputs, filters, strict=True)])

    def forward(self, images: Tensor) -> Tensor:
        return self.blocks(images).mean((-2, -1))


class Rows(nn.Module):
    """An LSTM that reads an image row by row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.lstm = nn.LSTM(28, width, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        outputs, _ = self.lstm(images.squeeze(1))
        return outputs[:, -1]


class Encoder(nn.Module):
    """A Transformer encoder over the rows of an image."""

    def __init__(self, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.width = width
        self.rows = nn.Linear(28, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.encoder(self.rows(images.squeeze(1))).mean(1)
