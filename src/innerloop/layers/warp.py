"""Warp layers: layers between those of a network, which shape the gradients of the earlier ones
(Flennerhag et al., "Meta-learning with warped gradient descent", 2020)."""

import torch
from torch import Tensor, nn

from innerloop.errors import UserError


class WarpedLinear(nn.Linear):
    """A linear layer with a warp layer in front of it."""

    warp: nn.Linear

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(self.warp(input))


class WarpedConv2d(nn.Conv2d):
    """A convolution with a warp layer in front of it."""

    warp: nn.Conv2d

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(self.warp(input))


def interleave(model: nn.Module, kernel: int) -> None:
    """Puts a warp layer in front of every linear layer and convolution of a model but the first.

    Each starts as the identity, so that the model computes what it did. The model's own parameters
    keep their names; those of a warp layer are `LAYER.warp.weight` and `LAYER.warp.bias`.

    Arguments:
        model: whose layers are changed in place.
        kernel: side of the warps of convolutions, an odd number of pixels.

    Raises:
        UserError: for another kernel, and for a model with fewer than two such layers.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
        >>> interleave(model, kernel=3)
        >>> [(name, tuple(p.shape)) for name, p in model.named_parameters() if "warp" in name]
        [('1.warp.weight', (3, 3)), ('1.warp.bias', (3,))]
    """
    if kernel < 1 or kernel % 2 == 0:
        raise UserError(f"algorithm.kernel={kernel}: give an odd number of pixels, such as 3.")
    layers = [layer for layer in model.modules() if type(layer) in (nn.Linear, nn.Conv2d)]
    if len(layers) < 2:
        raise UserError(
            "WarpGrad puts layers between those of the model, and this one has fewer than two "
            "linear layers or convolutions: choose a deeper one, such as model=mlp or model=conv4."
        )
    for layer in layers[1:]:
        if isinstance(layer, nn.Conv2d):
            layer.warp, layer.__class__ = _convolution(layer, kernel), WarpedConv2d
        else:
            layer.warp, layer.__class__ = _linear(layer), WarpedLinear


def _linear(layer: nn.Module) -> nn.Linear:
    width = int(layer.in_features)  # type: ignore[arg-type]
    place = layer.get_parameter("weight")
    warp = nn.Linear(width, width, device=place.device, dtype=place.dtype)
    nn.init.eye_(warp.weight)
    nn.init.zeros_(warp.bias)
    return warp


def _convolution(layer: nn.Conv2d, kernel: int) -> nn.Conv2d:
    channels, place = layer.in_channels, layer.weight
    warp = nn.Conv2d(
        channels,
        channels,
        kernel,
        padding=kernel // 2,
        device=place.device,
        dtype=place.dtype,
    ).to(memory_format=torch.channels_last)
    nn.init.dirac_(warp.weight)
    nn.init.zeros_(warp.bias)  # type: ignore[arg-type]
    return warp
