"""One file per contender, each with `contender(problem) -> Contender`: the same outer step.

A step consists of innerloop's sampling, the contender's meta-gradient, and Adam.
"""

import copy
import itertools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.workloads import Problem
from innerloop.algorithms.algorithm import Algorithm
from innerloop.outer.gradient import assign, trained
from innerloop.outer.optimizer import reduce_overhead
from innerloop.tasks import Task, count, only, part


class Contender(NamedTuple):
    """One library's implementation of a workload."""

    gradient: Callable[[Task], list[Tensor]]  #: the mean over tasks, in the order of the parameters
    seconds: Callable[[int], float]  #: runs this many outer steps; the mean time of one
    how: str = ""  #: which of its engines it chose


def by_gradient(
    problem: Problem,
    make: Callable[[Algorithm], Callable[[Task], list[Tensor]]],
    how: str = "",
) -> Contender:
    """A contender made of its meta-gradient and torch's Adam, fused as in innerloop's runs.

    Arguments:
        make: takes the algorithm, whose weights it uses, and returns the gradient function.
    """
    algorithm = copy.deepcopy(problem.algorithm).to(problem.device)
    parameters, gradient = list(algorithm.parameters()), make(algorithm)
    listed = trained(algorithm)
    adam = reduce_overhead(torch.optim.Adam(parameters, lr=problem.config.outer.optimizer.lr))

    def step(number: int) -> None:
        slopes = gradient(batch(problem, number))
        assign(listed, dict(zip(listed, slopes, strict=True)))
        adam.step()

    return Contender(gradient, timed(step), how)


def timed(step: Callable[[int], None]) -> Callable[[int], float]:
    """A function that runs a number of steps and returns the mean time of one, in seconds."""
    done = 0

    def seconds(steps: int) -> float:
        nonlocal done
        synchronise()
        began = time.perf_counter()
        for number in range(done, done + steps):
            step(number)
        synchronise()
        done += steps
        return (time.perf_counter() - began) / steps

    return seconds


def synchronise() -> None:
    """Waits until a GPU, if there is one, has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def batch(problem: Problem, number: int) -> Task:
    """The tasks of an outer step, on the device that runs them."""
    return _on_device(problem, problem.data.training_batch(number))


def from_loader(problem: Problem) -> Callable[[int], Task]:
    """The tasks of one outer step after the other from innerloop's loader, as in its runs."""
    again = (problem.data.train_dataloader() for _ in itertools.count())
    drawn = itertools.chain.from_iterable(again)
    return lambda number: _on_device(problem, next(drawn))


def _on_device(problem: Problem, drawn: Task) -> Task:
    moved = torch.utils._pytree.tree_map(lambda x: x.to(problem.device), drawn)
    return problem.data.on_after_batch_transfer(moved, 0)


def one_by_one(tasks: Task) -> Iterator[Task]:
    """The tasks of a batch, which all peers run in a Python loop."""
    return (only(part(tasks, i, i + 1)) for i in range(count(tasks)))


def backward_mean(parameters: list[Tensor], losses: Iterator[Tensor], tasks: int) -> list[Tensor]:
    """The gradient of the mean loss, one task at a time, so that only one graph is in memory."""
    for parameter in parameters:
        parameter.grad = None
    for loss in losses:
        (loss / tasks).backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
