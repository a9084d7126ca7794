"""The workloads of the benchmarks on a GPU; on a CPU, with few filters, to rehearse them."""

import statistics
from collections.abc import Mapping

from benchmarks.measure import take_turns
from benchmarks.peers import Contender
from benchmarks.workloads import Problem, build_problem

SMALL = ("model.body.filters=4", "episode.queries=1", "inner.steps=1", "log_every=2")
TIMED = {"cuda": (5, 1.0), "cpu": (1, 0.0)}  #: turns of each contender, and seconds of a turn


def problem(name: str, device: str, *more: str) -> Problem:
    """A workload of `benchmarks.workloads` on a device."""
    small = ("inner.steps=2",) if name.startswith("sinusoid") else SMALL
    on = ("trainer=gpu",) if device == "cuda" else ("trainer=cpu", *small)
    return build_problem(name, *on, *more)


def milliseconds(contenders: Mapping[str, Contender], device: str) -> dict[str, float]:
    """The median time of an outer step of each contender; they take turns."""
    times = take_turns(contenders, *TIMED[device])
    return {name: 1e3 * statistics.median(each) for name, each in times.items()}
