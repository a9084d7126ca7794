"""Which kernels take the time of a miniImageNet outer step."""

from typing import Any

import torch

from benchmarks.gpu.problems import problem
from benchmarks.peers import engine

SHOWN, STEPS = 20, 20


def measure(device: str) -> dict[str, Any]:
    """Microseconds of a step, number of launches and share of the time, by kernel; on a CPU, by
    operation."""
    contender = engine.contender(problem("miniimagenet", device))
    contender.seconds(5)
    steps, activities = STEPS, torch.profiler.ProfilerActivity
    kinds = [activities.CUDA if device == "cuda" else activities.CPU]
    with torch.profiler.profile(activities=kinds) as profile:
        contender.seconds(steps)
    events = profile.key_averages()
    kind = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    times = [getattr(event, kind) for event in events]
    total = sum(times)
    longest = sorted(zip(times, events, strict=True), key=lambda pair: -pair[0])[:SHOWN]
    return {
        "kernels": [
            {"name": e.key[:120], "us": t / steps, "launches": e.count / steps, "share": t / total}
            for t, e in longest
        ],
        "us": total / steps, "launches": sum(e.count for e in events) / steps, "device": device,
    }  # fmt: skip
