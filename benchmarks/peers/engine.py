"""innerloop's own engine, chosen as in a run."""

from typing import Any

import torch
from torch import Tensor

from benchmarks.peers import Contender, by_gradient
from benchmarks.workloads import Problem
from innerloop.experiment import notices
from innerloop.experiment.parts.learner import build_engine
from innerloop.tasks import Task


def contender(problem: Problem) -> Contender:
    engine = build_engine(problem.config, problem.algorithm, problem.device)

    def make(algorithm: Any) -> Any:
        progress = torch.zeros((), device=problem.device)

        def gradient(tasks: Task) -> list[Tensor]:
            _, slopes = engine.meta_gradient(algorithm, tasks, progress)
            return [slopes[name] for name, _ in algorithm.named_parameters()]

        return gradient

    return by_gradient(problem, make, notices.engine(engine.describe())[0])
