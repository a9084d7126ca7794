"""Runs a contender in its own process, so that its global settings affect no other contender."""

import importlib
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from benchmarks.peers import batch
from benchmarks.workloads import build_problem


class RemoteContender(NamedTuple):
    """A contender that waits in its own process for its turn."""

    pipe: Any
    how: str  #: which of its engines it chose
    first: float  #: seconds of its first gradient, which may include compilation

    def seconds(self, steps: int) -> float:
        """Runs this many outer steps and returns the mean time of one."""
        self.pipe.send(steps)
        return self.pipe.recv()


@contextmanager
def apart(name: str, contender: str, *more: str) -> Iterator[RemoteContender]:
    """Starts a contender of a workload in its own process, and ends the process on exit.

    Arguments:
        name: the workload.
        contender: a module of `benchmarks.peers`.
        more: overrides of the configuration.
    """
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    arguments = (theirs, torch.get_num_threads(), name, contender, *more)
    child = processes.Process(target=_serve, args=arguments, daemon=True)
    child.start()
    theirs.close()  # so that `recv` fails here if the process dies
    try:
        yield RemoteContender(ours, *ours.recv())
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
