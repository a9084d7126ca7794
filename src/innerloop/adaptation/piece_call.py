"""Calls a piece, compiled, so that autograd and `vmap` can go through it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from innerloop.adaptation.piece import Compiler, Pair, Piece


def call(piece: Piece, compiler: Compiler) -> tuple[Tensor, ...]:
    """The outputs of a piece, for one task or, under `vmap`, for all of them at once."""
    tensors = piece.given.tensors
    if any(torch._C._functorch.is_batchedtensor(tensor) for tensor in tensors):
        outputs: tuple[Tensor, ...] = _SideBySide.apply(piece, compiler, *tensors)
        return outputs
    return _compute(piece, compiler, tensors)


def _compute(piece: Piece, compiler: Compiler, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The outputs of a piece, whose derivative is compiled as well."""
    moving = [i for i, tensor in enumerate(tensors) if tensor.requires_grad]
    tensors = [_in_order(tensor) for tensor in tensors]
    pair = compiler.pair(piece, tensors, moving)
    if pair is None:
        return piece(*tensors)
    piece.shape = pair.shape
    if piece.is_loss:
        return _Loss.apply(pair, moving, *tensors)[:1]
    outputs: tuple[Tensor, ...] = _Step.apply(pair, moving, *tensors)
    return outputs


def _in_order(tensor: Tensor) -> Tensor:
    """The tensor in the order of memory that a piece was compiled for.

    `contiguous` keeps any strides of dimensions of size 1, for each of which a piece would be
    compiled.
    """
    return tensor.reshape(-1).view(tensor.shape)


class _SideBySide(Function):
    """A piece under `vmap`, which is compiled for all tasks at once."""

    @staticmethod
    def forward(piece: Piece, compiler: Compiler, *tensors: Tensor) -> tuple[Tensor, ...]:
        raise AssertionError  # it is only called under vmap

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: Any, piece: Piece, compiler: Compiler, *tensors: Tensor) -> Any:
        number, first = info.batch_size, []
        for tensor, dim in zip(tensors, in_dims[2:], strict=True):
            if dim is not None:
                tensor = tensor.movedim(dim, 0)
            elif tensor.requires_grad:  # one piece serves the start, which is shared, and all steps
                tensor = tensor.expand(number, *tensor.shape)
            first.append(tensor)
        pairs = zip(in_dims[2:], tensors, strict=True)
        piece.dims = tuple(None if d is None and not t.requires_grad else 0 for d, t in pairs)
        outputs = _compute(piece, compiler, first)
        return outputs, (0,) * len(outputs)


class _Compiled(Function):
    """Runs the forward of a compiled piece; what follows says how to go back."""

    @staticmethod
    def forward(pair: Pair, moving: Sequence[int], *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(pair.forward(*tensors))


class _Step(_Compiled):
    """A compiled piece; its backward pass runs it again."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.pair, ctx.moving, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        tensors = ctx.saved_tensors
        slopes = ctx.pair.pull(*tensors, *[_in_order(gradient) for gradient in gradients])
        return None, None, *_in_place(slopes, ctx.moving, len(tensors))


class _Loss(_Compiled):
    """A compiled loss, which computes its gradient along with its value."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.moving, ctx.count = inputs[1], len(inputs) - 2
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx: Any, weight: Tensor, *_: Tensor) -> Any:
        slopes = [
            slope * weight.reshape(*weight.shape, *[1] * (slope.dim() - weight.dim()))
            for slope in ctx.saved_tensors
        ]
        return None, None, *_in_place(slopes, ctx.moving, ctx.count)


def _in_place(slopes: Sequence[Tensor], moving: Sequence[int], count: int) -> list[Tensor | None]:
    """The gradients of `count` tensors, of which those at `moving` have one."""
    by_place = dict(zip(moving, slopes, strict=True))
    return [by_place.get(i) for i in range(count)]
