"""higher 0.2's loop: a functional copy of the module and a differentiable optimizer."""

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.peers import Contender, backward_mean, by_gradient, one_by_one
from benchmarks.workloads import Problem
from innerloop.tasks import Task, count


def contender(problem: Problem) -> Contender:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        import higher

    def make(algorithm: Any) -> Any:
        loss, parameters = algorithm.objective.loss, list(algorithm.parameters())
        inner = torch.optim.SGD(algorithm.model.parameters(), lr=algorithm.rate)

        def losses(tasks: Task) -> Iterator[Tensor]:
            for (inputs, targets), (questions, answers) in one_by_one(tasks):
                with higher.innerloop_ctx(algorithm.model, inner, copy_initial_weights=False) as (
                    model,
                    optimizer,
                ):
                    for _ in range(algorithm.steps):
                        optimizer.step(loss(model(inputs), targets))
                    yield loss(model(questions), answers)

        return lambda tasks: backward_mean(parameters, losses(tasks), count(tasks))

    return by_gradient(problem, make)
