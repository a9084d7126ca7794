"""Batch norm, ReLU and 2x2 max-pooling, pooled first: the same result for a quarter of the work.

Scaling by a positive number, shifting and ReLU keep the order of numbers. The largest of four can
therefore be taken first, and these operations then run on a quarter of the image. Only the mean and
the variance of batch norm need the whole image. Where the scale of a channel is negative, its
filter and its scale change sign.

On a CPU the passes over the largest images take more time than their convolutions do. PyTorch's own
derivatives of the four layers make many such passes, above all those of second order; `Pooled`
makes the fewest that its formulas need.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from innerloop.layers.norm import TaskNorm

# Whether blocks may pool first: engines allow it; others see layer after layer.
_allowed: ContextVar[bool] = ContextVar("allowed", default=False)


@contextmanager
def allowed(now: bool = True) -> Iterator[None]:
    """While open, blocks pool first where that changes nothing but the time; `now=False`: never."""
    before = _allowed.set(now)
    try:
        yield
    finally:
        _allowed.reset(before)


class PoolingBlock(nn.Sequential):
    """Convolution, batch norm, ReLU and 2x2 max-pooling, in this order or faster.

    Arguments:
        convolution: of two dimensions.
        norm: of as many channels.
    """

    def __init__(self, convolution: nn.Conv2d, norm: TaskNorm) -> None:
        layers = {"convolution": convolution, "norm": norm, "relu": nn.ReLU()}
        super().__init__(OrderedDict(layers, pool=nn.MaxPool2d(2)))

    def forward(self, images: Tensor) -> Tensor:
        layers: Any = list(self)
        convolution, norm, relu, pool = layers
        if not _allowed.get():
            return super().forward(images)
        if not norm.uses_batch(images.shape[0]):
            return relu(pool(norm(convolution(images))))
        scale, shift = norm.scale, norm.shift
        sign = torch.where(scale < 0, -1.0, 1.0).to(scale.dtype)
        turned = {"weight": _per_filter(sign) * convolution.weight, "bias": sign * convolution.bias}
        maps = torch.func.functional_call(convolution, turned, (images,))
        if maps.dtype in (torch.bfloat16, torch.float16):  # autocast's: too coarse for statistics
            maps = maps.float()
        largest, mean, variance, _ = Pooled.apply(maps)
        factor = sign * scale * torch.rsqrt(variance + norm.eps)
        return relu(torch.addcmul(_per_map(shift - mean * factor), largest, _per_map(factor)))


class Pooled(Function):
    r"""`(maxima, mean, variance, places)` of images `(n, channels, height, width)`.

    The maxima are of 2x2 squares, mean and variance of a channel. With :math:`N` numbers in a
    channel, the gradient for the images is
    :math:`\mathrm{unpool}(g_{max}) + g_{mean}/N + 2 g_{var} (x - mean)/N`.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        maxima, places = F.max_pool2d(images, 2, return_indices=True)
        mean = images.mean(_AXES)
        centred = images - _per_map(mean)
        return maxima, mean, (centred * centred).mean(_AXES), places

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, mean, _, places = output
        ctx.mark_non_differentiable(places)
        ctx.save_for_backward(*inputs, mean, places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _PooledGradient.apply(*ctx.saved_tensors, *gradients[:3])


class _PooledGradient(Function):
    """The gradient of `Pooled`, with a derivative of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        images: Tensor, mean: Tensor, places: Tensor, maxima: Tensor, means: Tensor, var: Tensor
    ) -> Tensor:
        number = _number(images)
        slope = var * (2 / number)
        unpooled = torch.ops.aten.max_pool2d_with_indices_backward(
            maxima, images, [2, 2], [], [0, 0], [1, 1], False, places
        )
        flat = torch.addcmul(_per_map(means / number - slope * mean), images, _per_map(slope))
        return unpooled.add_(flat)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        images, mean, places, _, _, var = inputs
        ctx.save_for_backward(images, mean, places, var)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        images, mean, places, var = ctx.saved_tensors
        number = _number(images)
        slope = var * (2 / number)
        total, weighted = gradient.sum(_AXES), (gradient * images).sum(_AXES)
        maxima = gradient.flatten(2).gather(2, places.flatten(2)).reshape(places.shape)
        of_var = (weighted - mean * total) * (2 / number)
        return gradient * _per_map(slope), -slope * total, None, maxima, total / number, of_var


_AXES = (0, 2, 3)


def _number(images: Tensor) -> int:
    return images.numel() // images.shape[1]


def _per_map(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1)


def _per_filter(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
