"""A contender in a process of its own, as its users run it: what one sets there helps no other."""

import importlib
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from benchmarks.peers import batch
from benchmarks.workloads import build_problem


class Apart(NamedTuple):
    """A contender that waits in its process for its turn."""

    pipe: Any
    how: str  #: which of its ways it chose
    first: float  #: seconds of its first gradient, in which it may compile

    def seconds(self, steps: int) -> float:
        """Has it run this many outer steps; the time of one."""
        self.pipe.send(steps)
        return self.pipe.recv()


@contextmanager
def apart(name: str, contender: str, *more: str) -> Iterator[Apart]:
    """Starts a contender of a workload, and ends it at the end.

    Arguments:
        name: of the workload.
        contender: a module of `benchmarks.peers`.
        more: overrides.
    """
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    arguments = (theirs, torch.get_num_threads(), name, contender, *more)
    child = processes.Process(target=_serve, args=arguments, daemon=True)
    child.start()
    theirs.close()  # so that its death is noticed here
    try:
        yield Apart(ours, *ours.recv())
    finally:
        ours.close()
        child.join()


def _serve(pipe: Any, threads: int, name: str, contender: str, *more: str) -> None:
    torch.set_num_threads(threads)
    problem = build_problem(name, *more)
    contestant = importlib.import_module(f"benchmarks.peers.{contender}").contender(problem)
    began = time.perf_counter()
    contestant.gradient(batch(problem, 0))
    pipe.send((contestant.how, time.perf_counter() - began))
    while True:
        try:
            pipe.send(contestant.seconds(pipe.recv()))
        except (EOFError, BrokenPipeError):
            return
