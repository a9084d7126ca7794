"""The workload of functorch's MAML example: 32 tasks of Omniglot 5-way 5-shot with 15 queries,
three blocks of 64 filters, 5 inner steps. For an A100, 107 ms a step were published (functorch
#1040)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from benchmarks.gpu.problems import milliseconds, problem
from benchmarks.peers import Contender, by_gradient, engine
from benchmarks.workloads import Problem
from innerloop.algorithms.gradient.maml import MAML
from innerloop.models.network import Network
from innerloop.tasks import Task

PUBLISHED = 107.0  #: ms of a step on an A100
SETTING = ("episode.shots=5", "episode.queries=15", "inner.steps=5", "inner.rate=0.1")


def measure(device: str) -> dict[str, Any]:
    """Milliseconds of an outer step: innerloop, and functorch's functions in a plain loop."""
    filters = 64 if device == "cuda" else 4
    few = () if device == "cuda" else ("outer.tasks=2",)
    given = problem("omniglot", device, *SETTING, *few)
    contenders = {
        "innerloop": engine.contender(ours(given, filters)), "functorch": theirs(given, filters)
    }  # fmt: skip
    return {
        "ms": milliseconds(contenders, device), "published_ms_a100": PUBLISHED, "device": device,
    }  # fmt: skip


def ours(given: Problem, filters: int) -> Problem:
    """The workload with the example's network."""
    algorithm: Any = given.algorithm
    body = blocks(filters)
    body.width = filters  # type: ignore[assignment]
    model = Network(body, algorithm.objective.width)
    learner = MAML(model, algorithm.objective, algorithm.rate, algorithm.steps)
    return given._replace(algorithm=learner)


def theirs(given: Problem, filters: int) -> Contender:
    """`vmap` of the query's loss over tasks, inside plain autograd, as in the example."""
    algorithm: Any = given.algorithm
    rate, steps, ways = algorithm.rate, algorithm.steps, algorithm.objective.width
    plain: Any = nn.Sequential(blocks(filters), nn.Linear(filters, ways))

    def make(model: Any) -> Callable[[Task], list[Tensor]]:
        parameters = dict(model.named_parameters())

        def error(values: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
            return F.cross_entropy(functional_call(model, values, (inputs,)), targets)

        def of_task(task: Task) -> Tensor:
            values = parameters
            for _ in range(steps):
                slopes = grad(error)(values, *task.support)
                values = {k: v - rate * slopes[k] for k, v in values.items()}
            return error(values, *task.query)

        def gradient(tasks: Task) -> list[Tensor]:
            loss = vmap(of_task)(tasks).mean()
            return list(torch.autograd.grad(loss, list(parameters.values())))

        return gradient

    return by_gradient(given._replace(algorithm=plain), make)


def blocks(filters: int) -> nn.Sequential:
    """Three blocks without padding, whose features of 28x28 pixels are one pixel."""
    return nn.Sequential(*[_block(n, filters) for n in (1, filters, filters)], nn.Flatten())


def _block(channels: int, filters: int) -> nn.Sequential:
    norm = nn.BatchNorm2d(filters, track_running_stats=False)
    return nn.Sequential(nn.Conv2d(channels, filters, 3), norm, nn.ReLU(), nn.MaxPool2d(2))
