"""Ways to compute an outer step, and how far the meta-gradient of each is from float64 numbers."""

import copy
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from benchmarks.gpu.problems import problem
from benchmarks.peers import batch, synchronise
from benchmarks.workloads import Problem
from innerloop.engines.engine import Engine
from innerloop.tasks import Task

NAMES = ("miniimagenet", "omniglot", "sinusoid_5")
REPEATS = {"cuda": 50, "cpu": 1}
WAYS: dict[str, dict[str, Any]] = {
    "all at once": {},
    "one by one, 4 streams": {"chunk": 1, "streams": 4},
    "all at once, compiled steps": {"compile": "steps"},
    "one by one, 4 streams, compiled steps": {"chunk": 1, "streams": 4, "compile": "steps"},
    "all at once, mixed mode": {"checkpoint": "mixed"},
}


def measure(device: str, names: Sequence[str] = NAMES) -> dict[str, Any]:
    """Milliseconds, seconds of the first three steps, and relative error of each way.

    Arguments:
        names: of workloads.
    """
    rows = {
        name: {way: _row(problem(name, device), dict(more)) for way, more in WAYS.items()}
        for name in names
    }
    return {"ways": rows, "device": device}


def _row(workload: Problem, more: dict[str, Any]) -> dict[str, float]:
    device, streams = workload.device, more.pop("streams", 1)
    engine = Engine(**more, capture=device == "cuda")
    engine.streams = streams
    algorithm, tasks = copy.deepcopy(workload.algorithm).to(device), batch(workload, 0)
    progress = torch.zeros((), device=device)

    def step() -> dict[str, Tensor]:
        return engine.meta_gradient(algorithm, tasks, progress)[1]

    began = time.perf_counter()
    for _ in range(3):  # compiles, captures, replays
        gradient = step()
    synchronise()
    first, began = time.perf_counter() - began, time.perf_counter()
    for _ in range(REPEATS[device]):
        gradient = step()
    synchronise()
    ms = 1e3 * (time.perf_counter() - began) / REPEATS[device]
    return {"ms": ms, "first_s": first, "error": _error(gradient, workload, tasks)}


def _error(gradient: dict[str, Tensor], workload: Problem, tasks: Task) -> float:
    """Relative to the norm of the gradient in float64, one task at a time on the CPU."""
    precise = tree_map(lambda x: x.cpu().double() if x.is_floating_point() else x.cpu(), tasks)
    learner, now = copy.deepcopy(workload.algorithm).double(), torch.zeros(()).double()
    expected = Engine(1).meta_gradient(learner, precise, now)[1]
    pairs = [(gradient[name].detach().cpu().double(), value) for name, value in expected.items()]
    distance = sum(((a - b) ** 2).sum() for a, b in pairs)
    return float((distance / sum((b**2).sum() for _, b in pairs)) ** 0.5)
