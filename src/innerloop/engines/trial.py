"""Time and memory of a step, measured on a batch."""

import time

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.tasks import Task

CHUNKS = (1, 4, 16)  #: tasks side by side that are tried, beside all of a batch
ROUNDS = 2  #: steps of each that are timed, after one; of CUDA graphs, the second is a replay


def sizes(tasks: Task) -> list[int]:
    """Numbers of tasks side by side that are worth trying."""
    total = task_tools.count(tasks)
    return [*[n for n in CHUNKS if n < total], total]


def seconds(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Tensor) -> float:
    """The time of a meta-gradient: the shortest of a few, after a first that may compile."""
    times = []
    with torch.random.fork_rng():  # a learner with dropout draws what it would have drawn
        for _ in range(1 + ROUNDS):
            began = time.perf_counter()
            engine.meta_gradient(algorithm, tasks, progress)
            if progress.device.type == "cuda":
                torch.cuda.synchronize(progress.device)
            times.append(time.perf_counter() - began)
    return min(times[1:])


def peak_memory(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Tensor) -> int:
    """Bytes that a meta-gradient takes at most beyond what was there before."""
    if progress.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(progress.device)
        before = torch.cuda.memory_allocated(progress.device)
        engine.meta_gradient(algorithm, tasks, progress)
        return int(torch.cuda.max_memory_allocated(progress.device) - before)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        engine.meta_gradient(algorithm, tasks, progress)
    held, most = 0, 0
    events = profile.profiler.kineto_results.events()
    for event in sorted(events, key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most
