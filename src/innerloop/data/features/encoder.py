"""The base classes of encoders: frozen networks that turn images or texts into features."""

import importlib
from abc import ABC, abstractmethod
from types import ModuleType
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop.data.packs.record import Recipe
from innerloop.errors import UserError


class Encoder(ABC):
    """A frozen network, which is never trained.

    Arguments:
        width: the number of features.
        batch: images or texts that are encoded together.
        pretrained_on: the data that it was trained on, such as `ImageNet-1k`.
    """

    encodes: ClassVar[str]  #: `images` or `texts`

    def __init__(self, width: int, batch: int, pretrained_on: str) -> None:
        self.width, self.batch, self.pretrained_on = width, batch, pretrained_on
        self._network: nn.Module | None = None

    @property
    def name(self) -> str:
        """The name of the network."""
        return str(self.recipe["network"])

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """Plain values that name weights and preprocessing; another recipe, other features."""

    @abstractmethod
    def load(self) -> nn.Module:
        """The network; it is loaded when something is first encoded."""

    @abstractmethod
    def encode(self, rows: Tensor, device: torch.device) -> Tensor:
        """Features `(n, width)` float32, on the CPU.

        Arguments:
            rows: `(n, channels, height, width)` uint8: images, or texts as one row of bytes.
            device: where they are computed.

        Raises:
            UserError: if the network makes another number of features.
        """

    def checked(self, features: Tensor) -> Tensor:
        """The features, if they are as many as was said."""
        if features.shape[1:] != (self.width,):
            raise UserError(
                f"encoder.width={self.width}, but this network makes features of shape "
                f"{list(features.shape[1:])}: give its number of features."
            )
        return features

    def on(self, device: torch.device) -> nn.Module:
        """The network on a device."""
        if self._network is None:
            self._network = self.load().eval().requires_grad_(False)
        return self._network.to(device)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_network": None}  # data workers read features and encode nothing


class ImageEncoder(Encoder):
    """A frozen network from images `(n, 3, size, size)` to features.

    Arguments:
        width, batch, pretrained_on: as of `Encoder`.
        size: height and width to which images are resized before they are encoded.
    """

    encodes = "images"

    def __init__(self, width: int, size: int, batch: int, pretrained_on: str) -> None:
        super().__init__(width, batch, pretrained_on)
        self.size = size

    @abstractmethod
    def normalised(self, images: Tensor) -> Tensor:
        """Images `(n, 3, size, size)` as the network expects them.

        Arguments:
            images: on the scale 0 to 255.
        """

    def encode(self, rows: Tensor, device: torch.device) -> Tensor:
        # On a CPU, convolutions of colours that lie together are twice as fast.
        network = self.on(device).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            parts = [network(self._prepared(p.to(device))).cpu() for p in rows.split(self.batch)]
        return self.checked(torch.cat(parts).float())

    def _prepared(self, images: Tensor) -> Tensor:
        colour = images.float().expand(-1, 3, -1, -1)  # grey ones are shown to all channels
        size = (self.size, self.size)
        resized = F.interpolate(colour, size, mode="bilinear", antialias=True, align_corners=False)
        return self.normalised(resized).contiguous(memory_format=torch.channels_last)


def foundation(package: str, extra: str = "foundation") -> ModuleType:
    """A package of an extra.

    Raises:
        UserError: if it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"encoder= needs the package {package}: uv pip install -e '.[{extra}]' installs it."
        ) from error
