"""innerloop's own engine, chosen as in a run, with its loader, and Adam where its runs have it."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.peers import Contender, from_loader, timed
from benchmarks.workloads import Problem
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.experiment import notices
from innerloop.experiment.parts.learner import build_engine
from innerloop.outer import adam
from innerloop.outer.gradient import assign, trained
from innerloop.outer.optimizer import reduce_overhead
from innerloop.tasks import Task


def contender(problem: Problem) -> Contender:
    engine = build_engine(problem.config, problem.algorithm, problem.device)
    algorithm = copy.deepcopy(problem.algorithm).to(problem.device)
    progress = torch.zeros((), device=problem.device)

    def gradient(tasks: Task) -> list[Tensor]:
        _, slopes = engine.meta_gradient(algorithm, tasks, progress)
        return [slopes[name] for name, _ in algorithm.named_parameters()]

    how = notices.engine(engine.describe())[0]
    ahead = problem.data.source.drawn_ahead
    how += f", tasks of {ahead} steps drawn at once" if ahead > 1 else ""
    return Contender(gradient, timed(_outer_step(problem, engine, algorithm)), how)


def _outer_step(problem: Problem, engine: Engine, algorithm: Algorithm) -> Callable[[int], None]:
    """The outer step of a run: Adam is part of the CUDA graph, where there is one."""
    progress, listed = torch.zeros((), device=problem.device), trained(algorithm)
    rate, draw = problem.config.outer.optimizer.lr, from_loader(problem)
    optimizer = reduce_overhead(torch.optim.Adam(algorithm.parameters(), lr=rate))
    update: adam.AdamStep | None = None

    def step(number: int) -> None:
        nonlocal update
        tasks = draw(number)
        if update is not None and engine.step(algorithm, tasks, progress, update) is not None:
            return
        assign(listed, engine.meta_gradient(algorithm, tasks, progress)[1])
        optimizer.step()
        if update is None and adam.suits(optimizer):
            update = adam.AdamStep(optimizer, list(listed.values()), clip=None)

    return step
