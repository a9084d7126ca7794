"""Peak memory of a second-order step with 4 and with 64 tasks, computed four at a time."""

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
    for _ in range(ROUNDS):  # the peak varies by a tenth with the allocator's placement
        for n, peaks in megabytes.items():
            overrides = ("engine.chunk=4", f"outer.tasks={n}")
            peaks.append(measure_apart("engine", "omniglot", *overrides)["mb"])
    entry = {
        "title": "peak memory of a Conv4-64 step, 4 tasks side by side: 64 tasks against 4",
        "unit": "MB", "at_most": 1.1, "threads": 1,
        "contenders": {
            f"{n} tasks": {"value": statistics.median(p), "rounds": p} for n, p in megabytes.items()
        },
    }  # fmt: skip
    print(json.dumps(entry))


def measure_apart(contender: str, workload: str, *overrides: str) -> dict[str, float]:
    """`measure` in a new process, because the peak memory of a process cannot be reset."""
    command = [sys.executable, "-m", "benchmarks.memory", contender, workload, *overrides]
    return json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))


def measure(contender: str, workload: str, *overrides: str) -> dict[str, float]:
    """Peak memory of meta-gradients above the level before them, in MB, and ms of a step."""
    problem = build_problem(workload, *overrides)
    tasks = batch(problem, 0)
    peer = importlib.import_module(f"benchmarks.peers.{contender}").contender(problem)
    ctypes.CDLL(None).malloc_trim(0)  # memory freed by drawing the batch would hide the increase
    before = _status("VmRSS")
    for _ in range(max(2, EVALUATED // problem.config.outer.tasks)):  # equally many tasks
        peer.gradient(tasks)
    peak = (_status("VmHWM") - before) / MEGABYTE
    return {"mb": peak, "ms": 1e3 * min(peer.seconds(1) for _ in range(3))}


def _status(key: str) -> int:
    """Bytes of the process in memory now (`VmRSS`), or at its peak (`VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith(f"{key}:")]
    return int(kilobytes) * 1024


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
