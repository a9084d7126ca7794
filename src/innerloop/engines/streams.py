"""Sums of computations that are dealt to several streams of a GPU, to run at the same time.

A small kernel leaves most of a GPU idle; those of other streams fill it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from typing import TypeVar

import torch

Result = TypeVar("Result")


def total(
    jobs: Sequence[Callable[[], Result]],
    add: Callable[[Result, Result], Result],
    number: int,
    gpu: bool,
) -> Result:
    """The sum of the results of all jobs; stream i runs the jobs i, i + number, ... in turn.

    Arguments:
        jobs: independent computations, at least one.
        add: adds two results.
        number: of streams that the jobs are dealt to; the first is the current one.
        gpu: whether there are streams; on a CPU everything runs in turn.
    """
    current = torch.cuda.current_stream() if gpu else None
    streams = [torch.cuda.Stream() if gpu else None for _ in range(min(number, len(jobs)) - 1)]
    for stream in streams:
        if stream is not None and current is not None:
            stream.wait_stream(current)
    sums = []
    for first, stream in enumerate([None, *streams]):
        with _on(stream):
            sums.append(reduce(add, (job() for job in jobs[first :: len(streams) + 1])))
    for stream in streams:
        if stream is not None and current is not None:
            current.wait_stream(stream)
    return reduce(add, sums)


def _on(stream: "torch.cuda.Stream | None") -> AbstractContextManager[object]:
    return nullcontext() if stream is None else torch.cuda.stream(stream)
