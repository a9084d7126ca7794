"""`estimate=true`: time and memory of an outer step, for each way to compute its tasks."""

import os

import torch
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
from innerloop.tasks import Task


def show(config: DictConfig) -> None:
    """Prints time and peak memory of a meta-gradient for several engines.

    These are every size of chunk, with and without `engine.checkpoint`, and the compiled engine if
    `engine.compile=true` or the model compiles in seconds. Measured on the first training batch,
    after one step to warm up.

    Raises:
        UserError: for a configuration that cannot be used.
    """
    check(config)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # silences the profiler
    device = torch.device(device_of(config))
    problem = build_problem(config)
    algorithm = problem.algorithm.to(device)
    tasks, progress = _batch(problem.data, device), torch.tensor(0.0, device=device)
    compiled = choose.compiles(config.engine.compile, algorithm, device.type)
    notices.say(f"a step of {config.outer.tasks} tasks on {device}: time, peak memory")
    for engine in _engines(algorithm, tasks, compiled):
        notices.say(_line(engine, algorithm, tasks, progress))


def _engines(algorithm: Algorithm, tasks: Task, compiled: bool) -> list[Engine]:
    """The engines to measure."""
    if algorithm.embeds:
        return [Engine()]
    sizes = trial.sizes(tasks)
    checkpointed = [Engine(n, checkpoint=True) for n in sizes] if algorithm.unrolls else []
    return [*[Engine(n) for n in sizes], *checkpointed, *[Engine(compile=True)] * compiled]


def _line(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Tensor) -> str:
    """Time and peak memory of an engine, in a line."""
    try:
        time = trial.seconds(engine, algorithm, tasks, progress)
        peak = trial.peak_memory(engine, algorithm, tasks, progress)
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
        return f"  engine.chunk={engine.chunk}: does not fit into memory"
    how = "compiled" if engine.compile else "eager"
    how = "engine.checkpoint=true" if engine.checkpoint else how
    chunk = "null" if engine.chunk is None else engine.chunk
    return f"  engine.chunk={chunk}, {how}: {1e3 * time:.1f} ms, {peak / 2**20:.3g} MB"


def _batch(data: TaskData, device: torch.device) -> Task:
    """The first training batch, on the device."""
    data.prepare_data()
    data.setup("fit")
    tasks = move_data_to_device(data.training_batch(0), device)
    return data.on_after_batch_transfer(tasks, 0)
