"""A piece of a meta-gradient: what is compiled once, and whether it is."""

import contextvars
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import TreeSpec, tree_flatten

from innerloop.adaptation.trees import Tensors

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


def compiler_in_use() -> Compiler | None:
    """What compiles pieces now; None if nothing does."""
    return _compiler.get()


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
