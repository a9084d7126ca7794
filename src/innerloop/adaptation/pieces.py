"""Pieces of a meta-gradient, compiled once and called for every inner step.

The meta-gradient of several inner steps is one step and its derivative many times over. Compiling
all of it takes minutes; compiling one step and its derivative takes a part of that, which does not
grow with the number of steps. Of a step only its start is kept, as in
`innerloop.adaptation.checkpointing`.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from torch import Tensor
from torch.utils._pytree import tree_unflatten

from innerloop.adaptation import piece_call
from innerloop.adaptation.piece import Piece, compiler_in_use

Result = TypeVar("Result")


def are_wanted() -> bool:
    """Whether pieces are compiled."""
    return compiler_in_use() is not None


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
    if (compiler := compiler_in_use()) is None:
        return function(*trees)
    piece = Piece(function, number, trees, is_loss)
    return tree_unflatten(piece_call.call(piece, compiler), piece.shape)
