"""TorchOpt 0.7's loop: its differentiable SGD, with the weights restored after every task."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from benchmarks.peers import Contender, backward_mean, by_gradient, one_by_one
from benchmarks.workloads import Problem
from innerloop.tasks import Task, count


def contender(problem: Problem) -> Contender:
    import torchopt

    def make(algorithm: Any) -> Any:
        model, loss = algorithm.model, algorithm.objective.loss
        inner = torchopt.MetaSGD(model, lr=algorithm.rate)
        parameters = list(algorithm.parameters())
        start = torchopt.extract_state_dict(model, by="reference")
        at_start = torchopt.extract_state_dict(inner)

        def losses(tasks: Task) -> Iterator[Tensor]:
            for (inputs, targets), (questions, answers) in one_by_one(tasks):
                for _ in range(algorithm.steps):
                    inner.step(loss(model(inputs), targets))
                yield loss(model(questions), answers)
                torchopt.recover_state_dict(model, start)
                torchopt.recover_state_dict(inner, at_start)

        return lambda tasks: backward_mean(parameters, losses(tasks), count(tasks))

    return by_gradient(problem, make)
