"""Jobs side by side on a GPU: dealt to streams, whose kernels may run at once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

Result = TypeVar("Result")


def deal(jobs: Sequence[Callable[[], Result]], streams: int) -> list[Result]:
    """What each job returns; the current stream continues when all are done.

    While a CUDA graph is captured, the side streams become branches of the graph.

    Arguments:
        streams: side streams, to which the jobs are dealt in turn.
    """
    current = torch.cuda.current_stream()
    sides = [torch.cuda.Stream() for _ in range(min(streams, len(jobs)))]
    for side in sides:
        side.wait_stream(current)
    results = []
    for number, job in enumerate(jobs):
        with torch.cuda.stream(sides[number % len(sides)]):
            results.append(job())
    for side in sides:
        current.wait_stream(side)
    return results
