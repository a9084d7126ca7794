"""innerloop beside learn2learn, higher and TorchOpt; those that are not installed are named."""

import importlib
import importlib.util
from typing import Any

from benchmarks.gpu.problems import milliseconds, problem

PEERS = ("learn2learn", "higher", "torchopt")


def measure(device: str) -> dict[str, Any]:
    """Milliseconds of an outer step of both image workloads, by library."""
    installed = [name for name in PEERS if importlib.util.find_spec(name)]
    modules = {n: importlib.import_module(f"benchmarks.peers.{n}") for n in ("engine", *installed)}
    steps = {}
    for name in ("omniglot", "miniimagenet"):
        workload = problem(name, device)
        contenders = {n: module.contender(workload) for n, module in modules.items()}
        steps[name] = milliseconds(contenders, device)
    return {"ms": steps, "missing": sorted(set(PEERS) - set(installed)), "device": device}
