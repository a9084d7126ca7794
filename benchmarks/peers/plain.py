"""A plain Python loop of `torch.func.functional_call` and `autograd.grad`, without a library."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from benchmarks.peers import Contender, backward_mean, by_gradient, one_by_one
from benchmarks.workloads import Problem
from innerloop.tasks import Task, count


def contender(problem: Problem) -> Contender:
    return by_gradient(problem, meta_gradient)


def meta_gradient(algorithm: Any) -> Any:
    """The mean meta-gradient of MAML; in float64 it is the reference for all others."""
    model, loss, rate = algorithm.model, algorithm.objective.loss, algorithm.rate
    own = dict(model.named_parameters())

    def losses(tasks: Task) -> Iterator[Tensor]:
        for (inputs, targets), (questions, answers) in one_by_one(tasks):
            weights = own
            for _ in range(algorithm.steps):
                error = loss(functional_call(model, weights, (inputs,)), targets)
                slopes = torch.autograd.grad(error, list(weights.values()), create_graph=True)
                pairs = zip(weights.items(), slopes, strict=True)
                weights = {name: value - rate * slope for (name, value), slope in pairs}
            yield loss(functional_call(model, weights, (questions,)), answers)

    return lambda tasks: backward_mean(list(own.values()), losses(tasks), count(tasks))
