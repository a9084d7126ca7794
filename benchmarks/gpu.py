"""The benchmarks on a GPU: `python -m benchmarks.gpu`, on a machine that has one.

Conv4 MAML with 4 and with 32 tasks against learn2learn, the time of 60,000 outer steps of
miniImageNet 5-way 1-shot through `Trainer.fit`, and the share of the time that the GPU is busy.
`--part memory` measures the peak memory of 1 to 20 inner steps, unrolled and in mixed mode.
`--device cpu` runs the same code on a small network.
"""

import argparse
import copy
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import report
from benchmarks.machine import describe
from benchmarks.measure import take_turns
from benchmarks.peers import Contender, batch, engine, fit, learn2learn, synchronise
from benchmarks.workloads import build_problem
from innerloop.engines import trial
from innerloop.engines.engine import Engine

LONG = 60_000
SMALL = ("model.body.filters=4", "episode.queries=1", "inner.steps=1", "log_every=2")
OUT = Path(__file__).parent / "results"


def measure(device: str, seconds: float = 1.0, rounds: int = 5, steps: int = 500) -> dict[str, Any]:
    """The measured figures; on a CPU with few filters.

    Arguments:
        seconds: the length of a turn.
        rounds: the number of turns.
        steps: outer steps of the training.
    """
    on = ("trainer=gpu",) if device == "cuda" else ("trainer=cpu", *SMALL)
    ratios = {}
    for tasks in (4, 32):
        problem = build_problem("omniglot", f"outer.tasks={tasks}", *on)
        contenders = {
            "innerloop": engine.contender(problem),
            "learn2learn": learn2learn.contender(problem),
        }
        times = take_turns(contenders, rounds, seconds)
        ratios[str(tasks)] = {name: 1e3 * statistics.median(t) for name, t in times.items()}
    long = build_problem("miniimagenet", *on)
    training = fit.contender(long)
    training.seconds(1)  # compiles, if the engine chose to
    return {
        "conv4_ms": ratios,
        "long_minutes": training.seconds(steps) * LONG / 60,
        "busy": busy(engine.contender(long)) if device == "cuda" else None,
        "device": device,
    }


def memory(device: str, inner: Sequence[int] = (1, 5, 10, 20)) -> dict[str, Any]:
    """Peak MB of a miniImageNet meta-gradient by inner steps, unrolled and in mixed mode.

    Arguments:
        inner: numbers of inner steps.
    """
    on = ("trainer=gpu",) if device == "cuda" else ("trainer=cpu", *SMALL)
    peaks: dict[str, dict[str, float]] = {"unrolled": {}, "mixed": {}}
    for steps in inner:
        problem = build_problem("miniimagenet", *on, f"inner.steps={steps}")
        algorithm = copy.deepcopy(problem.algorithm).to(device)
        tasks, progress = batch(problem, 0), torch.zeros((), device=device)
        for name, checkpoint in (("unrolled", False), ("mixed", "mixed")):
            way = Engine(checkpoint=checkpoint)
            way.meta_gradient(algorithm, tasks, progress)  # what libraries keep is not counted
            bytes_taken = trial.peak_memory(way, algorithm, tasks, progress)
            peaks[name][str(steps)] = bytes_taken / 2**20
    return {"peak_mb": peaks, "device": device}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--part", choices=("bench", "memory"), default="bench")
    given = parser.parse_args()
    part = {"bench": measure, "memory": memory}[given.part]
    figures = part(given.device) | {"machine": describe()}
    print(json.dumps(figures, indent=2))
    if given.device == "cuda":
        file = OUT / ("gpu.json" if given.part == "bench" else f"gpu_{given.part}.json")
        file.write_text(json.dumps(figures, indent=2) + "\n")
        report.write(OUT)


if __name__ == "__main__":
    main()
