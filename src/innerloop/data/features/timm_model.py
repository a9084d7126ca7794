"""Any network of the timm library, with its pretrained weights."""

import hashlib
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from innerloop.data.features.encoder import ImageEncoder, foundation
from innerloop.data.packs.record import Recipe


class TimmModel(ImageEncoder):
    """The features of a timm network before its classifier.

    Arguments:
        name: such as `resnet18.a1_in1k`; `timm.list_models(pretrained=True)` lists all.
        width: the number of its features.
        size: height and width to which images are resized.
        batch: images that are encoded together.
        pretrained_on: the data that it was trained on, for the results.
        weights: a file with its weights; None for those that timm downloads.

    Mean and deviation of the colours are those that timm knows of the weights.
    """

    def __init__(
        self,
        name: str,
        width: int,
        size: int = 224,
        batch: int = 32,
        pretrained_on: str = "unknown",
        weights: str | None = None,
    ) -> None:
        super().__init__(width=width, size=size, batch=batch, pretrained_on=pretrained_on)
        self.model, self.weights = name, weights

    @property
    def recipe(self) -> Recipe:
        return {
            "network": f"timm/{self.model}",
            "weights": self._checksum,
            "size": self.size,
            "resized": "bilinear",
            "normalised": repr(self._colours),
        }

    def load(self) -> nn.Module:
        own = {} if self.weights is None else {"file": str(Path(self.weights).expanduser())}
        network: nn.Module = foundation("timm").create_model(
            self.model, pretrained=True, num_classes=0, pretrained_cfg_overlay=own
        )
        return network

    def normalised(self, images: Tensor) -> Tensor:
        mean, deviation = torch.tensor(self._colours, device=images.device).view(2, 3, 1, 1)
        return (images / 255 - mean) / deviation

    @cached_property
    def _colours(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        known = foundation("timm").get_pretrained_cfg(self.model)
        return tuple(known.mean), tuple(known.std)

    @cached_property
    def _checksum(self) -> str:
        """SHA-256 of all weights: files of one name may change."""
        sha256 = hashlib.sha256()
        for name, value in self.on(torch.device("cpu")).state_dict().items():
            sha256.update(name.encode())
            sha256.update(value.contiguous().numpy().tobytes())
        return sha256.hexdigest()
