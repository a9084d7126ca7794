"""Peak memory of a second-order step with 4 and with 64 tasks, four of them side by side."""

import ctypes
import importlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.peers import batch
from benchmarks.workloads import build_problem

MEGABYTE, EVALUATED, ROUNDS = 2**20, 128, 5


def main() -> None:
    megabytes: dict[int, list[float]] = {64: [], 4: []}
    for _ in range(ROUNDS):  # where the allocator puts things moves the peak by a tenth
        for n, peaks in megabytes.items():
            peaks.append(one("engine", "omniglot", "engine.chunk=4", f"outer.tasks={n}")["mb"])
    entry = {
        "title": "peak memory of a Conv4-64 step, 4 tasks side by side: 64 tasks against 4",
        "unit": "MB", "at_most": 1.1, "threads": 1,
        "contenders": {
            f"{n} tasks": {"value": statistics.median(p), "rounds": p} for n, p in megabytes.items()
        },
    }  # fmt: skip
    print(json.dumps(entry))


def one(contender: str, workload: str, *overrides: str) -> dict[str, float]:
    """`measure` in a process of its own, as the peak of a process is never forgotten."""
    command = [sys.executable, "-m", "benchmarks.memory", contender, workload, *overrides]
    return json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))


def measure(contender: str, workload: str, *overrides: str) -> dict[str, float]:
    """Megabytes that gradients take at most beyond what was there before, and time of a step."""
    problem = build_problem(workload, *overrides)
    tasks = batch(problem, 0)
    runs = importlib.import_module(f"benchmarks.peers.{contender}").contender(problem)
    ctypes.CDLL(None).malloc_trim(0)  # room left from drawing the batch would hide what is taken
    before = _status("VmRSS")
    for _ in range(max(2, EVALUATED // problem.config.outer.tasks)):  # as many tasks for all
        runs.gradient(tasks)
    peak = (_status("VmHWM") - before) / MEGABYTE
    return {"mb": peak, "ms": 1e3 * min(runs.seconds(1) for _ in range(3))}


def _status(key: str) -> int:
    """Bytes that the process has in memory (`VmRSS`), or had at most (`VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return int(kilobytes) * 1024


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
