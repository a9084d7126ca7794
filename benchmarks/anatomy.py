"""The time of each part of a small network's outer step, each part timed on its own."""

import json
import os
import statistics
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.peers import batch, by_gradient, timed
from benchmarks.workloads import build_problem
from innerloop.experiment.parts.learner import build_engine
from innerloop.outer.optimizer import reduce_overhead

ROUNDS, REPEATS, THREADS = 7, 500, 1


def parts(name: str) -> dict[str, float]:
    """Milliseconds of a whole outer step of a workload, and of each of its parts on its own."""
    problem, progress = build_problem(name), torch.zeros(())
    engine = build_engine(problem.config, problem.algorithm, problem.device)
    tasks, parameters = batch(problem, 0), list(problem.algorithm.parameters())

    def gradient(tasks: Any) -> list[torch.Tensor]:
        return list(engine.meta_gradient(problem.algorithm, tasks, progress)[1].values())

    for parameter, slope in zip(parameters, gradient(tasks), strict=True):
        parameter.grad = slope
    whole = by_gradient(problem, lambda _: gradient)
    return {
        "the whole step": 1e3 * statistics.median(whole.seconds(REPEATS) for _ in range(ROUNDS)),
        "sampling": _milliseconds(lambda: batch(problem, 1)),
        "the meta-gradient": _milliseconds(lambda: gradient(tasks)),
        "of which the compiled function": _milliseconds(_compiled(engine, lambda: gradient(tasks))),
        "Adam": _milliseconds(reduce_overhead(torch.optim.Adam(parameters)).step),
    }


def _compiled(engine: Any, run: Callable[[], Any]) -> Callable[[], Any]:
    """A call of the compiled function with the inputs that `run` gives it."""
    functions, inputs = engine._compiled._graphs, []
    ((key, call),) = functions.items()
    functions[key] = lambda *given: inputs.append(given) or call(*given)
    run()
    functions[key] = call
    return torch.no_grad()(lambda: call(*inputs[0]))


def _milliseconds(run: Callable[[], Any]) -> float:
    """The median over rounds of the mean time of a call."""
    seconds = timed(lambda _: run())
    seconds(1)
    return 1e3 * statistics.median(seconds(REPEATS) for _ in range(ROUNDS))


def main() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    torch.set_num_threads(THREADS)
    milliseconds = {name: parts(name) for name in ("sinusoid_1", "sinusoid_5")}
    print(json.dumps({"unit": "ms", "threads": THREADS, "parts": milliseconds}))


if __name__ == "__main__":
    main()
