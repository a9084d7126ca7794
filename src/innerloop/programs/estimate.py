"""`estimate=true`: time and memory of a step, by how the tasks are run."""

import os
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.engines import choose, memory, trial
from innerloop.engines.engine import Engine
from innerloop.run import notices
from innerloop.run.check import check
from innerloop.run.parts.learner import device_of
from innerloop.run.problem import build_problem
from innerloop.tasks import Task


def show(config: DictConfig) -> None:
    """Prints time and peak memory of a meta-gradient for every choice of chunk, eager and compiled,
    and with inner steps computed again where there are several.

    On the first training batch, after a step to warm up. Compiled ways appear where they are
    asked for (`engine.compile=true`) or the model is small enough to compile in seconds.
    """
    check(config)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler, which talks on its own
    device = torch.device(device_of(config))
    problem = build_problem(config)
    algorithm = problem.algorithm.to(device)
    tasks, progress = _batch(problem.data, device), torch.tensor(0.0, device=device)
    compiled = choose.compiles(config.engine.compile, algorithm, device.type)
    notices.say(f"a step of {config.outer.tasks} tasks on {device}: time, peak memory")
    for engine in _ways(algorithm, tasks, compiled):
        notices.say(_line(engine, algorithm, tasks, progress))


def _ways(algorithm: Algorithm, tasks: Task, compiled: bool) -> list[Engine]:
    if algorithm.embeds:
        return [Engine()]
    sizes = trial.sizes(tasks)
    again = [Engine(n, checkpoint=True) for n in sizes] if algorithm.unrolls else []
    return [*[Engine(n) for n in sizes], *again, *[Engine(compile=True)] * compiled]


def _line(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Any) -> str:
    asked = engine.chunk
    try:
        time = trial.seconds(engine, algorithm, tasks, progress)
        most = trial.peak_memory(engine, algorithm, tasks, progress)
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
        return f"  engine.chunk={asked}: does not fit into memory"
    how = "compiled" if engine.compile else "eager"
    how = "engine.checkpoint=true" if engine.checkpoint else how
    chunk = "null" if engine.chunk is None else engine.chunk
    return f"  engine.chunk={chunk}, {how}: {1e3 * time:.1f} ms, {most / 2**20:.3g} MB"


def _batch(data: TaskData, device: torch.device) -> Task:
    data.prepare_data()
    data.setup("fit")
    tasks = move_data_to_device(data.training_batch(0), device)
    return data.on_after_batch_transfer(tasks, 0)
