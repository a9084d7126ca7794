"""MAML against learn2learn, the time of 60,000 outer steps of miniImageNet 5-way 1-shot through
`Trainer.fit`, and the share of the time that the GPU is busy."""

import time
from typing import Any

import torch

from benchmarks.gpu.problems import milliseconds, problem
from benchmarks.peers import Contender, engine, fit, learn2learn, synchronise

LONG = 60_000
WORKLOADS = (("miniimagenet", 4), ("omniglot", 4), ("omniglot", 32), ("sinusoid_5", 25))


def measure(device: str, steps: int = 500) -> dict[str, Any]:
    """The measured figures.

    Arguments:
        steps: outer steps of the training.
    """
    ratios = {}
    for name, tasks in WORKLOADS:
        workload = problem(name, device, f"outer.tasks={tasks}")
        contenders = {
            "innerloop": engine.contender(workload),
            "learn2learn": learn2learn.contender(workload),
        }
        ratios[f"{name}, {tasks} tasks"] = milliseconds(contenders, device)
    long = problem("miniimagenet", device)
    training = fit.contender(long)
    training.seconds(1)  # compiles, if the engine chose to
    return {
        "ms": ratios,
        "long_minutes": training.seconds(steps) * LONG / 60,
        "busy": busy(engine.contender(long)) if device == "cuda" else None,
        "device": device,
    }


def busy(contender: Contender, steps: int = 50) -> float:
    """Share of the time in which a kernel runs on the GPU."""
    contender.seconds(10)
    synchronise()
    kinds = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as profile:
        began = time.perf_counter()
        contender.seconds(steps)
        wall = time.perf_counter() - began
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / wall
