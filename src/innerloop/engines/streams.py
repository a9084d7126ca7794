"""Pieces of work side by side on a GPU: dealt to streams, whose kernels may run at once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

Result = TypeVar("Result")


def deal(pieces: Sequence[Callable[[], Result]], streams: int) -> list[Result]:
    """What each piece returns; the current stream continues when all are done.

    While a CUDA graph is captured, the side streams become branches of the graph.

    Arguments:
        streams: side streams, to which the pieces are dealt in turn.
    """
    current = torch.cuda.current_stream()
    sides = [torch.cuda.Stream() for _ in range(min(streams, len(pieces)))]
    for side in sides:
        side.wait_stream(current)
    results = []
    for number, piece in enumerate(pieces):
        with torch.cuda.stream(sides[number % len(sides)]):
            results.append(piece())
    for side in sides:
        current.wait_stream(side)
    return results
