"""The base class of encoders: frozen networks that turn images into features."""

import importlib
from abc import ABC, abstractmethod
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop.data.packs.record import Recipe
from innerloop.errors import UserError


class Encoder(ABC):
    """A frozen network. It is loaded when the first image is encoded, and never trained.

    Arguments:
        width: the number of features.
        size: height and width to which images are resized before they are encoded.
        batch: images that are encoded together.
        pretrained_on: the data that it was trained on, such as `ImageNet-1k`.
    """

    def __init__(self, width: int, size: int, batch: int, pretrained_on: str) -> None:
        self.width, self.size, self.batch = width, size, batch
        self.pretrained_on = pretrained_on
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
        """The network, from normalised images `(n, 3, size, size)` to features `(n, width)`."""

    @abstractmethod
    def normalised(self, images: Tensor) -> Tensor:
        """Images `(n, 3, size, size)` as the network expects them.

        Arguments:
            images: on the scale 0 to 255.
        """

    def encode(self, images: Tensor, device: torch.device) -> Tensor:
        """Features `(n, width)` float32, on the CPU.

        Arguments:
            images: `(n, channels, height, width)` uint8; grey ones are shown to all channels.
            device: where they are computed.

        Raises:
            UserError: if the network makes another number of features.
        """
        network = self._on(device)
        with torch.inference_mode():
            parts = [network(self._prepared(p.to(device))).cpu() for p in images.split(self.batch)]
        features = torch.cat(parts).float()
        if features.shape[1:] != (self.width,):
            raise UserError(
                f"encoder.width={self.width}, but this network makes features of shape "
                f"{list(features.shape[1:])}: give its number of features."
            )
        return features

    def _on(self, device: torch.device) -> nn.Module:
        if self._network is None:
            self._network = self.load().eval().requires_grad_(False)
        # On a CPU, convolutions of colours that lie together are twice as fast.
        return self._network.to(device).to(memory_format=torch.channels_last)

    def _prepared(self, images: Tensor) -> Tensor:
        colour = images.float().expand(-1, 3, -1, -1)
        size = (self.size, self.size)
        resized = F.interpolate(colour, size, mode="bilinear", antialias=True, align_corners=False)
        return self.normalised(resized).contiguous(memory_format=torch.channels_last)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_network": None}  # data workers read features and encode nothing


def foundation(package: str) -> ModuleType:
    """A package of the extra `foundation`.

    Raises:
        UserError: if it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"encoder= needs the package {package}: uv pip install -e '.[foundation]' installs it."
        ) from error
