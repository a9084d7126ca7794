"""Measures one workload: whether all contenders agree, and how long a step of each takes."""

import argparse
import contextlib
import copy
import importlib
import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks import roofline
from benchmarks.apart import RemoteContender, apart
from benchmarks.peers import Contender, batch, learn2learn_protonet, plain
from benchmarks.workloads import WORKLOADS, Problem, build_problem
from innerloop.tasks import Task

STEADY = 2.0  #: largest ratio of two rounds' times; above it the machine was busy with other work
AGREE = 1e-8  #: largest relative distance between two float64 meta-gradients that agree


def measure(name: str, rounds: int, seconds: float, *more: str) -> dict[str, Any]:
    """The workload's entry in the results.

    Arguments:
        rounds: how often each contender has a turn: A B C A B C.
        seconds: the approximate length of a turn.
        more: overrides of the configuration, such as `trainer=gpu`.
    """
    workload, problem = WORKLOADS[name], build_problem(name, *more)
    modules = {n: importlib.import_module(f"benchmarks.peers.{n}") for n in workload.contenders}
    distance = distances(
        problem._replace(algorithm=copy.deepcopy(problem.algorithm).double()), modules
    )
    for n, module in modules.items():
        if distance[n] > AGREE and not hasattr(module, "DIFFERS"):
            sys.exit(
                f"{name}: the float64 meta-gradient of {n} is {distance[n]:.1e} from the others'"
            )
    with contextlib.ExitStack() as stack:
        contenders = {n: stack.enter_context(apart(name, n, *more)) for n in modules}
        times = take_turns(contenders, rounds, seconds)
    if unsteady := [n for n, each in times.items() if max(each) > STEADY * min(each)]:
        sys.exit(f"{name}: rounds of {', '.join(unsteady)} differ too much: is the machine busy?")
    return {
        "title": workload.title, "unit": "ms", "at_least": workload.bar,
        "threads": torch.get_num_threads(), "flop": roofline.work(lambda: _once(problem)),
        "matmul_flop_per_s": roofline.matmul_rate(problem.device),
        "contenders": {
            n: {
                "value": 1e3 * statistics.median(times[n]), "rounds": [1e3 * t for t in times[n]],
                "how": contenders[n].how, "first_gradient_s": contenders[n].first,
                "apart": distance[n],
                "differs": getattr(module, "DIFFERS", None),
            } for n, module in modules.items()
        },
    }  # fmt: skip


def distances(problem: Problem, modules: Mapping[str, Any]) -> dict[str, float]:
    """The relative distance of each contender's meta-gradient from the reference, in float64.

    In float32, rounding flips ReLUs and maxima, which changes the gradient by up to a hundredth.
    """
    tasks = double(batch(problem, 0))
    exact = _flat(_reference(problem)(copy.deepcopy(problem.algorithm))(tasks))
    gradients = {n: _flat(m.contender(problem).gradient(tasks)) for n, m in modules.items()}
    return {n: float((g - exact).norm() / exact.norm()) for n, g in gradients.items()}


def take_turns(
    contenders: Mapping[str, RemoteContender | Contender], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """The time of a step of each contender in each round, in seconds."""
    steps = {n: max(1, round(seconds / min(each.seconds(1), each.seconds(1))))
             for n, each in contenders.items()}  # fmt: skip
    times: dict[str, list[float]] = {n: [] for n in contenders}
    for _ in range(rounds):
        for n, each in contenders.items():
            times[n].append(each.seconds(steps[n]))
    return times


def _reference(problem: Problem) -> Callable[[Any], Callable[[Task], list[Tensor]]]:
    """The reference for all contenders: a plain loop, or for ProtoNet learn2learn's classes."""
    peer = learn2learn_protonet if problem.config.names.algorithm == "protonet" else plain
    return peer.meta_gradient


def _once(problem: Problem) -> list[Tensor]:
    algorithm = copy.deepcopy(problem.algorithm).to(problem.device)
    return _reference(problem)(algorithm)(batch(problem, 0))


def double(tasks: Task) -> Task:
    return torch.utils._pytree.tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks)


def _flat(gradient: list[Tensor]) -> Tensor:
    return torch.cat([g.detach().double().cpu().flatten() for g in gradient])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=WORKLOADS)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    given = parser.parse_args()
    threads = WORKLOADS[given.name].threads
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])  # JAX reads this number
    torch.set_num_threads(threads)
    print(json.dumps(measure(given.name, given.rounds, given.seconds, *given.overrides)))


if __name__ == "__main__":
    main()
