"""Pieces of a meta-gradient, compiled once and called for every inner step.

The meta-gradient of several inner steps is one step and its derivative many times over. Compiling
all of it takes minutes; compiling one step and its derivative takes a part of that, which does not
grow with the number of steps. Of a step only its start is kept, as in
`innerloop.adaptation.checkpointing`.
"""

import contextvars
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor
from torch.autograd import Function
from torch.func import vmap
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from innerloop.adaptation.trees import Tensors

Result = TypeVar("Result")
Flat = Callable[..., Sequence[Tensor]]


class Pair(NamedTuple):
    """A compiled piece.

    Arguments:
        forward: of the tensors; of a loss, its value and a gradient for each moving tensor.
        pull: of the tensors and a gradient for each output; it gives one for each moving tensor.
            None for a loss.
        shape: how the outputs make a tree.
    """

    forward: Flat
    pull: Flat | None
    shape: TreeSpec


class Compiler(Protocol):
    """Compiles pieces, and keeps them."""

    def pair(self, piece: "Piece", tensors: Sequence[Tensor], moving: Sequence[int]) -> Pair | None:
        """The compiled piece; None where it cannot be compiled."""


_compiler: ContextVar[Compiler | None] = ContextVar("compiler", default=None)


@contextmanager
def compiled(compiler: Compiler | None) -> Iterator[None]:
    """While open, pieces are compiled by `compiler`; None: never."""
    before = _compiler.set(compiler)
    try:
        yield
    finally:
        _compiler.reset(before)


def are_wanted() -> bool:
    """Whether pieces are compiled."""
    return _compiler.get() is not None


class Piece:
    """A function of trees, as a function of the tensors in them.

    Arguments:
        function: of the trees.
        number: of the inner step.
        trees: its arguments.
        is_loss: whether it returns a scalar, whose gradient is computed along with it.
    """

    def __init__(
        self,
        function: Callable[..., object],
        number: int,
        trees: Sequence[object],
        is_loss: bool = False,
    ) -> None:
        self.function, self.number, self.is_loss = function, number, is_loss
        self.given = Tensors(trees)
        self.context = contextvars.copy_context()
        self.dims: tuple[int | None, ...] | None = None  #: 0 for tensors of all tasks at once
        self.shape: Any = None

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        if self.dims is None:
            return self._one(*tensors)
        outputs: tuple[Tensor, ...] = vmap(self._one, self.dims, randomness="different")(*tensors)
        return outputs

    def _one(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return self.context.copy().run(self._call, tensors)

    def _call(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        with compiled(None):
            result = self.function(*self.given.replaced(tensors))
        outputs, self.shape = tree_flatten(result)
        return tuple(outputs)


def run(function: Callable[..., Result], number: int, *trees: object) -> Result:
    """`function(*trees)`, compiled where that is wanted and possible.

    Arguments:
        function: takes trees of tensors and plain values, and returns a tree of tensors. It is not
            compiled if it uses other tensors than these.
        number: of the inner step.
    """
    return _run(function, number, trees, is_loss=False)


def loss(function: Callable[..., Tensor], number: int, *trees: object) -> Tensor:
    """`function(*trees)`, a scalar; otherwise as `run`."""
    return _run(function, number, trees, is_loss=True)


def _run(
    function: Callable[..., Result], number: int, trees: Sequence[object], is_loss: bool
) -> Result:
    if (compiler := _compiler.get()) is None:
        return function(*trees)
    piece = Piece(function, number, trees, is_loss)
    tensors = piece.given.tensors
    if any(torch._C._functorch.is_batchedtensor(tensor) for tensor in tensors):
        outputs = _SideBySide.apply(piece, compiler, *tensors)
    else:
        outputs = _compute(piece, compiler, tensors)
    return tree_unflatten(outputs, piece.shape)


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


class _Step(Function):
    """A compiled piece; its backward pass runs it again."""

    @staticmethod
    def forward(pair: Pair, moving: Sequence[int], *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(pair.forward(*tensors))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.pair, ctx.moving, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        tensors = ctx.saved_tensors
        slopes = ctx.pair.pull(*tensors, *[_in_order(gradient) for gradient in gradients])
        by_place = dict(zip(ctx.moving, slopes, strict=True))
        return None, None, *[by_place.get(i) for i in range(len(tensors))]


class _Loss(Function):
    """A compiled loss, which computes its gradient along with its value."""

    @staticmethod
    def forward(pair: Pair, moving: Sequence[int], *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(pair.forward(*tensors))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.moving, ctx.count = inputs[1], len(inputs) - 2
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:])

    @staticmethod
    def backward(ctx: Any, weight: Tensor, *_: Tensor) -> Any:
        slopes = [s * weight.reshape(*weight.shape, *[1] * (s.dim() - weight.dim()))
                  for s in ctx.saved_tensors]  # fmt: skip
        by_place = dict(zip(ctx.moving, slopes, strict=True))
        return None, None, *[by_place.get(i) for i in range(ctx.count)]
