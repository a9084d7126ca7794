"""Peak memory of a miniImageNet meta-gradient by inner steps, unrolled and in mixed mode."""

import copy
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.gpu.problems import problem
from benchmarks.peers import batch
from innerloop.engines import trial
from innerloop.engines.engine import Engine


def measure(device: str, inner: Sequence[int] = (1, 5, 10, 20)) -> dict[str, Any]:
    """Peak MB by way and number of inner steps.

    Arguments:
        inner: numbers of inner steps.
    """
    peaks: dict[str, dict[str, float]] = {"unrolled": {}, "mixed": {}}
    for steps in inner:
        workload = problem("miniimagenet", device, f"inner.steps={steps}")
        algorithm = copy.deepcopy(workload.algorithm).to(device)
        tasks, progress = batch(workload, 0), torch.zeros((), device=device)
        for name, checkpoint in (("unrolled", False), ("mixed", "mixed")):
            way = Engine(checkpoint=checkpoint)
            way.meta_gradient(algorithm, tasks, progress)  # what libraries keep is not counted
            bytes_taken = trial.peak_memory(way, algorithm, tasks, progress)
            peaks[name][str(steps)] = bytes_taken / 2**20
    return {"peak_mb": peaks, "device": device}
