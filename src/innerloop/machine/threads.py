"""Jobs side by side on a CPU: dealt to threads, each of which computes on one core.

Threads that share every operation wait for the slowest of them at its end, which takes many times
as long on a machine with other work. Threads that have a job each wait once.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from functools import cache
from typing import TypeVar

import torch

Result = TypeVar("Result")


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="tasks")


def deal(jobs: Sequence[Callable[[], Result]], threads: int) -> list[Result]:
    """What each job returns, in their order.

    The jobs must not share a module that they call: `torch.func.functional_call` changes it
    while it runs. They see the caller's context: autograd's modes, autocast and context variables.
    """
    inherited = _modes()

    def run(job: Callable[[], Result]) -> Result:
        with inherited(), _one_core():
            return job()

    with _one_core():
        futures = [_pool(threads).submit(copy_context().run, run, job) for job in jobs]
        return [future.result() for future in futures]


def deal_lazily(jobs: Iterable[Callable[[], Result]], threads: int) -> list[Result]:
    """As `deal`, but takes only as many jobs at a time as there are threads."""
    remaining, results = iter(jobs), list[Result]()
    while some := list(itertools.islice(remaining, threads)):
        results += deal(some, threads)
    return results


@contextmanager
def _one_core() -> Iterator[None]:
    """While open, an operation of this thread uses one core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _modes() -> Callable[[], AbstractContextManager[None]]:
    """A context manager with the modes of the calling thread, for another one."""
    inference, grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    rounded, kind = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    @contextmanager
    def modes() -> Iterator[None]:
        with (
            torch.inference_mode(inference), torch.set_grad_enabled(grad),
            torch.autocast("cpu", dtype=kind, enabled=rounded),
        ):  # fmt: skip
            yield

    return modes
