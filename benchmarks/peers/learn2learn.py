"""learn2learn 0.2's loop: clone, adapt, backward."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from benchmarks.peers import Contender, backward_mean, by_gradient, one_by_one
from benchmarks.workloads import Problem
from innerloop.tasks import Task, count


def contender(problem: Problem) -> Contender:
    with contextlib.redirect_stderr(io.StringIO()):  # it imports gym, which prints warnings
        import learn2learn

    def make(algorithm: Any) -> Any:
        maml = learn2learn.algorithms.MAML(algorithm.model, lr=algorithm.rate, first_order=False)
        loss, parameters = algorithm.objective.loss, list(algorithm.parameters())

        def losses(tasks: Task) -> Iterator[Tensor]:
            for (inputs, targets), (questions, answers) in one_by_one(tasks):
                learner = maml.clone()
                for _ in range(algorithm.steps):
                    learner.adapt(loss(learner(inputs), targets))
                yield loss(learner(questions), answers)

        return lambda tasks: backward_mean(parameters, losses(tasks), count(tasks))

    return by_gradient(problem, make)
