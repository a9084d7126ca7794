"""`estimate=true`: time and memory of an outer step, for each way to compute its tasks."""

import os
import sys
from typing import NamedTuple

import torch
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.utilities import move_data_to_device
from omegaconf import DictConfig
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.engines import choose, memory, trial
from innerloop.engines.engine import Engine
from innerloop.experiment import notices
from innerloop.experiment.check import check
from innerloop.experiment.parts.learner import device_of
from innerloop.experiment.problem import build_problem
from innerloop.experiment.quiet import silence_libraries
from innerloop.machine.screen import BOLD
from innerloop.sweeping import grid
from innerloop.tasks import Task

UNITS = {"days": 86400, "h": 3600, "min": 60}  #: in seconds


class Cost(NamedTuple):
    """What an outer step costs."""

    seconds: float
    peak: int  #: bytes


def show(config: DictConfig) -> None:
    """Prints time and peak memory of a meta-gradient for several engines, and of a whole training.

    These are every size of chunk, with and without `engine.checkpoint`, and the compiled engine if
    `engine.compile=true` or the model compiles in seconds. Measured on the first training batch,
    after one step to warm up.

    Raises:
        UserError: for a configuration that cannot be used.
    """
    check(config)
    silence_libraries()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # silences the profiler
    device = torch.device(device_of(config))
    problem = build_problem(config)
    algorithm = problem.algorithm.to(device)
    tasks, progress = _batch(problem.data, device), torch.tensor(0.0, device=device)
    compiled = choose.compiles(config.engine.compile, algorithm, device.type)
    notices.say(f"a step of {config.outer.tasks} tasks on {device}: time, peak memory")
    costs = []
    for engine in _engines(algorithm, tasks, compiled):
        cost = _cost(engine, algorithm, tasks, progress)
        notices.say(_line(engine, cost))
        costs += [] if cost is None else [cost]
    if costs:
        notices.say(total(min(costs), config.outer.steps, members()), style=BOLD)


def total(cost: Cost, steps: int, members: int) -> str:
    """What a training costs, without its validations and test, and a sweep of several.

    Arguments:
        cost: of an outer step, with the fastest engine.
        steps: outer steps of a training.
        members: of the sweep; 1 for a single run.
    """
    alone = cost.seconds * steps
    line = f"{steps:,} steps: about {duration(alone)}, {_megabytes(cost.peak)}"
    return line + (f"; a sweep of {members}: {duration(members * alone)}" if members > 1 else "")


def duration(seconds: float) -> str:
    """A time in its largest unit: `48 s`, `12 min`, `4.2 h` or `3.1 days`."""
    for length, unit in ((86400 * 2, "days"), (5400, "h"), (100, "min")):
        if seconds >= length:
            return f"{seconds / UNITS[unit]:.2g} {unit}"
    return f"{seconds:.2g} s"


def members() -> int:
    """How many members the sweep has of which this run is one; 1 without a sweep."""
    if not notices.in_sweep():
        return 1
    sweeper = HydraConfig.get().sweeper
    trials = sweeper.get("n_trials")
    if trials is not None:
        return int(trials)
    words = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
    return len(grid.members(words, sweeper.get("params") or {}))


def _engines(algorithm: Algorithm, tasks: Task, compiled: bool) -> list[Engine]:
    """The engines to measure."""
    if algorithm.embeds:
        return [Engine()]
    sizes = trial.sizes(tasks)
    checkpointed = [Engine(n, checkpoint=True) for n in sizes] if algorithm.unrolls else []
    return [*[Engine(n) for n in sizes], *checkpointed, *[Engine(compile=True)] * compiled]


def _cost(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Tensor) -> Cost | None:
    """Time and peak memory of a step; None if it does not fit into memory."""
    try:
        time = trial.seconds(engine, algorithm, tasks, progress)
        return Cost(time, trial.peak_memory(engine, algorithm, tasks, progress))
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
        return None


def _line(engine: Engine, cost: Cost | None) -> str:
    """Time and peak memory of an engine, in a line."""
    chunk = "null" if engine.chunk is None else engine.chunk
    if cost is None:
        return f"  engine.chunk={chunk}: does not fit into memory"
    how = "compiled" if engine.compile else "eager"
    how = "engine.checkpoint=true" if engine.checkpoint else how
    return f"  engine.chunk={chunk}, {how}: {1e3 * cost.seconds:.1f} ms, {_megabytes(cost.peak)}"


def _megabytes(peak: int) -> str:
    return f"{peak / 2**20:.3g} MB"


def _batch(data: TaskData, device: torch.device) -> Task:
    """The first training batch, on the device."""
    data.prepare_data()
    data.setup("fit")
    tasks = move_data_to_device(data.training_batch(0), device)
    return data.on_after_batch_transfer(tasks, 0)
