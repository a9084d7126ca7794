"""Compiles the pieces of a meta-gradient: an inner step, its derivative, and the query loss."""

import time
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from innerloop.adaptation.piece import Flat, Pair, Piece
from innerloop.adaptation.trees import moved
from innerloop.engines import inductor, memory
from innerloop.engines.float64_copy import first_line
from innerloop.layers import layout
from innerloop.machine import work

PLAIN = (bool, int, float, str, type(None))  #: constants that a piece may depend on


class CompiledPieces:
    """The compiled pieces of one learner, by the shapes of their tensors.

    Inner steps that are the same sequence of operations share a piece.

    Arguments:
        say: told how long a compilation took.
        refuse: told why a piece cannot be compiled.
    """

    def __init__(self, say: Callable[[str], None], refuse: Callable[[str], None]) -> None:
        self.say, self.refuse = say, refuse
        self._pairs: dict[Hashable, Pair | None] = {}
        self._by_code: dict[Hashable, Pair] = {}

    def pair(self, piece: Piece, tensors: Sequence[Tensor], moving: Sequence[int]) -> Pair | None:
        """The compiled piece; None, and why was said, where it cannot be compiled."""
        shapes = tuple((x.shape, x.stride(), x.dtype, x.device) for x in tensors)
        constants = tuple(map(repr, piece.given.constants))
        rounded = torch.is_autocast_enabled(tensors[0].device.type)
        which = (piece.is_loss, piece.dims, tuple(moving), shapes, rounded)
        key = (which, piece.number, layout.current().step, str(piece.given.layout), constants)
        if key not in self._pairs:
            self._pairs[key] = self._make(piece, [x.detach() for x in tensors], moving, which)
        return self._pairs[key]

    def _make(
        self, piece: Piece, tensors: list[Tensor], moving: Sequence[int], which: Hashable
    ) -> Pair | None:
        try:
            with work.working("Compiling"), torch.no_grad():
                forward = _trace(_with_gradient(piece, moving) if piece.is_loss else piece, tensors)
                if refusal := _refusal(piece, forward):
                    self.refuse(refusal)
                    return None
                same = (which, forward.code)
                if same not in self._by_code:
                    self._by_code[same] = self._timed(piece, forward, tensors, moving)
                return self._by_code[same]
        except Exception as error:  # of as many kinds as there are layers
            if memory.ran_out(error):
                raise
            self.refuse(first_line(error))
            return None

    def _timed(
        self, piece: Piece, forward: GraphModule, tensors: list[Tensor], moving: Sequence[int]
    ) -> Pair:
        began = time.perf_counter()
        pair = _compile(piece, forward, tensors, moving)
        name = "the query loss" if piece.is_loss else "an inner step"
        self.say(f"compiled {name} and its derivative in {time.perf_counter() - began:.0f} s")
        return pair


def _refusal(piece: Piece, graph: GraphModule) -> str:
    """Why a graph does not stand for a piece; empty if it does."""
    if not all(isinstance(constant, PLAIN) for constant in piece.given.constants):
        return "they depend on other values than tensors and numbers"
    for node in graph.graph.nodes:
        if node.op == "get_attr":
            return "they use tensors that are not handed to them"
        tags = getattr(node.target, "tags", ())
        if torch.Tag.nondeterministic_seeded in tags:
            return "they draw random numbers, which a derivative would draw anew"
    return ""


def _compile(
    piece: Piece, forward: GraphModule, tensors: list[Tensor], moving: Sequence[int]
) -> Pair:
    """The piece and, unless it is a loss, what pulls gradients back through it."""
    run = inductor.compile(forward, tensors)
    if piece.is_loss:
        return Pair(run, None, piece.shape)
    gradients = [torch.zeros_like(x, memory_format=torch.contiguous_format) for x in run(*tensors)]
    inputs = [*tensors, *gradients]
    pull = inductor.compile(_trace(_pull(piece, len(tensors), moving), inputs), inputs)
    return Pair(run, pull, piece.shape)


def _trace(function: Flat, inputs: list[Tensor]) -> GraphModule:
    return make_fx(function, tracing_mode="fake", _allow_non_fake_inputs=True)(*inputs)


def _with_gradient(piece: Piece, moving: Sequence[int]) -> Flat:
    """A loss and its gradient for the moving tensors; of tasks side by side, each its own."""

    def function(*tensors: Tensor) -> tuple[Tensor, ...]:
        of_moving = _of_moving(piece, tensors, moving)
        (value,), pull = torch.func.vjp(of_moving, *_at(tensors, moving))[:2]
        return value, *pull((torch.ones_like(value),))

    return function


def _pull(piece: Piece, count: int, moving: Sequence[int]) -> Flat:
    """What pulls a gradient for each output back to the moving tensors.

    Arguments:
        count: of the piece's tensors.
    """

    def function(*inputs: Tensor) -> tuple[Tensor, ...]:
        tensors, gradients = inputs[:count], inputs[count:]
        of_moving = _of_moving(piece, tensors, moving)
        slopes: tuple[Tensor, ...] = torch.func.vjp(of_moving, *_at(tensors, moving))[1](gradients)
        return slopes

    return function


def _at(tensors: Sequence[Tensor], moving: Sequence[int]) -> list[Tensor]:
    return [tensors[i] for i in moving]


def _of_moving(piece: Piece, tensors: Sequence[Tensor], moving: Sequence[int]) -> Flat:
    def function(*values: Tensor) -> tuple[Tensor, ...]:
        return piece(*moved(tensors, moving, values))

    return function
