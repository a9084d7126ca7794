"""Time and memory of ways to run tasks, measured on a batch; the fastest is kept."""

import hashlib
import json
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.machine.files import cache_folder, write_whole
from innerloop.machine.processor import processor
from innerloop.tasks import Task

CHUNKS = (1, 4, 16)  #: tasks side by side that are tried, beside all of a batch
ROUNDS = 2  #: steps of each that are timed, after one that is not


class TryingEngine(Engine):
    """An engine that measures on its first batch which chunk is fastest, and keeps it.

    The times are cached for this machine, these shapes and these versions.

    Arguments:
        guess: how it runs until then.
    """

    def __init__(self, guess: Engine) -> None:
        super().__init__(guess.chunk, guess.compile, guess.name, guess.checkpoint)
        self.measured = False

    def meta_gradient(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if not self.measured:
            self.measured = True
            self._check(algorithm, tasks, progress)
            if not self.one_by_one:
                self._choose(algorithm, tasks, progress)
        return super().meta_gradient(algorithm, tasks, progress)

    def _choose(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> None:
        name = _circumstances(algorithm, tasks, self.checkpoint)
        file = cache_folder() / "engines" / f"{name}.json"
        times = _read(file)
        how = "measured earlier"
        if times is None:
            how = "tried"
            ways = {n: self._like(algorithm, n) for n in sizes(tasks)}
            times = {n: seconds(way, algorithm, tasks, progress) for n, way in ways.items()}
            _keep(file, times)
        best = min(times, key=lambda n: times[n])
        self.chunk = None if best == task_tools.count(tasks) else best
        self.name = "loop" if best == 1 else "vmap"
        shown = ", ".join(f"{n} at a time {1e3 * t:.0f} ms" for n, t in times.items())
        self.say(f"engine auto: a step with {shown} ({how}): chose {best} at a time")

    def _like(self, algorithm: Algorithm, chunk: int) -> Engine:
        """An engine with another chunk, which need not check the learner again."""
        engine = Engine(chunk, checkpoint=self.checkpoint, each_task=self.each_task)
        engine._checked.add(algorithm)
        return engine


def sizes(tasks: Task) -> list[int]:
    """Numbers of tasks side by side that are worth trying."""
    total = task_tools.count(tasks)
    return [*[n for n in CHUNKS if n < total], total]


def seconds(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Tensor) -> float:
    """The time of a meta-gradient: the shortest of a few, after a first that may compile."""
    times = []
    with torch.random.fork_rng():  # a learner with dropout draws what it would have drawn
        for _ in range(1 + ROUNDS):
            began = time.perf_counter()
            engine.meta_gradient(algorithm, tasks, progress)
            if progress.device.type == "cuda":
                torch.cuda.synchronize(progress.device)
            times.append(time.perf_counter() - began)
    return min(times[1:])


def peak_memory(engine: Engine, algorithm: Algorithm, tasks: Task, progress: Tensor) -> int:
    """Bytes that a meta-gradient takes at most beyond what was there before."""
    if progress.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(progress.device)
        before = torch.cuda.memory_allocated(progress.device)
        engine.meta_gradient(algorithm, tasks, progress)
        return int(torch.cuda.max_memory_allocated(progress.device) - before)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        engine.meta_gradient(algorithm, tasks, progress)
    held, most = 0, 0
    events = profile.profiler.kineto_results.events()
    for event in sorted(events, key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def _circumstances(algorithm: Algorithm, tasks: Task, checkpoint: bool) -> str:
    """A short hash of all that the time of a step depends on."""
    device = tree_leaves(tasks)[0].device
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    circumstances = [
        machine, torch.get_num_threads(), torch.__version__, repr(algorithm), algorithm.steps,
        getattr(algorithm, "first_order", None), checkpoint, torch.is_autocast_enabled(device.type),
        [(tuple(x.shape), str(x.dtype)) for x in tree_leaves(tasks)],
    ]  # fmt: skip
    return hashlib.sha256(repr(circumstances).encode()).hexdigest()[:16]


def _read(file: Path) -> dict[int, float] | None:
    try:
        return {int(n): float(t) for n, t in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return None


def _keep(file: Path, times: dict[int, float]) -> None:
    try:
        write_whole(file, json.dumps(times))
    except OSError:  # a read-only home: tried again next time
        return
