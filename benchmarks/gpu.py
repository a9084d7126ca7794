"""The benchmarks on a GPU: `python -m benchmarks.gpu`, on a machine that has one.

Conv4 MAML with 4 and with 32 tasks against learn2learn, the time of 60,000 outer steps of
miniImageNet 5-way 1-shot through `Trainer.fit`, and the share of the time that the GPU is busy.
`--device cpu` runs the same code on a small network.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import report
from benchmarks.machine import describe
from benchmarks.measure import take_turns
from benchmarks.peers import Contender, engine, fit, learn2learn, synchronise
from benchmarks.workloads import build_problem

LONG = 60_000
SMALL = ("model.body.filters=4", "episode.queries=1", "inner.steps=1", "log_every=2")
OUT = Path(__file__).parent / "results" / "gpu.json"


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
    given = parser.parse_args()
    figures = measure(given.device) | {"machine": describe()}
    print(json.dumps(figures, indent=2))
    if given.device == "cuda":
        OUT.write_text(json.dumps(figures, indent=2) + "\n")
        report.write(OUT.parent)


if __name__ == "__main__":
    main()
