"""easyfsl's prototypical networks: the support, then the queries, through learn2learn's Conv4."""

from typing import Any

from torch import Tensor, nn

from benchmarks.peers import Contender, backward_mean, by_gradient, one_by_one
from benchmarks.peers.learn2learn_protonet import backbone
from benchmarks.workloads import Problem
from innerloop.tasks import Task, count

DIFFERS = "normalises the support and the queries apart"


def contender(problem: Problem) -> Contender:
    from easyfsl.methods import PrototypicalNetworks

    def make(algorithm: Any) -> Any:
        method, loss = PrototypicalNetworks(backbone(algorithm)).train(), nn.CrossEntropyLoss()
        parameters = list(algorithm.parameters())

        def losses(tasks: Task) -> Any:
            for (inputs, targets), (questions, answers) in one_by_one(tasks):
                method.process_support_set(inputs, targets)
                yield loss(-(method(questions) ** 2), answers)  # the paper squares the distance

        def gradient(tasks: Task) -> list[Tensor]:
            return backward_mean(parameters, losses(tasks), count(tasks))

        return gradient

    return by_gradient(problem, make)
