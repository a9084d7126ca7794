"""Conv4, the four-block backbone of few-shot learning (Vinyals et al. 2016; Finn et al. 2017)."""

import itertools
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.early_pooling import PoolingBlock
from innerloop.layers.norm import TaskNorm


class Conv4(nn.Module):
    """Four blocks of 3x3 convolution, batch norm, ReLU and 2x2 max-pooling, then flattened.

    Arguments:
        input_shape: channels, height and width of an image.
        filters: channels of every block (64; 32 for MAML on miniImageNet).
        norm: mode of batch norm, see `innerloop.layers.norm`.
        pool: `max`, or `stride` for strided convolutions instead, as in MAML's Omniglot network
            (about a quarter of the work).
        average: whether what is left of the image is averaged, as in that network, instead of
            flattened.
        pools: how many blocks halve the image, counted from the first: 4, or 2 for larger maps, as
            in Relation networks.

    Its features are flattened maps of shape `map_shape`, see `innerloop.layers.maps`; that is None
    where they are averaged.

    Raises:
        UserError: for inputs that are no images, or too small for the poolings.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        filters: int = 64,
        norm: str = "transductive",
        pool: str = "max",
        average: bool = False,
        pools: int = 4,
    ) -> None:
        super().__init__()
        if pool not in ("max", "stride"):
            raise UserError(f"model.body.pool={pool} is not known to Conv4: choose max or stride.")
        if pools not in range(5):
            raise UserError(f"model.body.pools={pools}: 0 to 4 of its 4 blocks can halve an image.")
        _check_shape(input_shape, pool, pools)
        if filters < 1:
            raise UserError(f"model.body.filters={filters}: give 1 or more.")
        channels = itertools.pairwise([input_shape[0], *[filters] * 4])
        halve = [pool] * pools + [""] * (4 - pools)
        self.blocks = nn.Sequential(
            *[_block(*pair, norm, how) for pair, how in zip(channels, halve, strict=True)]
        )
        self.average = average
        self.to(memory_format=torch.channels_last)  # faster convolutions
        with torch.no_grad():
            maps = self.blocks(torch.zeros(1, *input_shape))
        self.map_shape = None if average else tuple(maps.shape[1:])
        self.width = maps.shape[1] if average else maps[0].numel()

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(images)
        return features.mean((2, 3)) if self.average else features.flatten(1)


def _check_shape(shape: Sequence[int], pool: str, pools: int) -> None:
    if len(shape) != 3:
        raise UserError(
            f"model.body.input_shape={list(shape)}: Conv4 takes images, [channels, height, width]. "
            "Use model=mlp for other inputs."
        )
    smallest = 2**pools  # the side of an image that the poolings turn into one pixel
    if pool == "max" and min(shape[1:]) < smallest:
        raise UserError(
            f"model.body.input_shape={list(shape)}: {pools} poolings leave nothing of images below "
            f"{smallest}x{smallest}. Use model=conv4_strided, or larger images."
        )


def _block(channels: int, filters: int, norm: str, pool: str) -> nn.Sequential:
    """One block; `pool` is empty if it does not halve the image."""
    convolution = nn.Conv2d(channels, filters, 3, padding=1, stride=2 if pool == "stride" else 1)
    nn.init.xavier_uniform_(convolution.weight)
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    if pool == "max":
        return PoolingBlock(convolution, TaskNorm(filters, norm))
    layers = {"convolution": convolution, "norm": TaskNorm(filters, norm), "relu": nn.ReLU()}
    return nn.Sequential(OrderedDict(layers))
