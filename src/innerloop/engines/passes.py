"""The passes over a batch of tasks: its meta-gradient and its scores, chunk by chunk."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.adaptation import checkpointing
from innerloop.adaptation.checkpointing import Checkpoint
from innerloop.adaptation.piece import Compiler, compiled
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import apart, chunks, gradients, streams
from innerloop.engines.apart import Apart, Job
from innerloop.engines.gradients import Gradient
from innerloop.layers import attention, early_pooling, norm
from innerloop.tasks import Task

Result = TypeVar("Result")

Compile = bool | Literal["steps"]  #: the whole meta-gradient, or only its inner steps


class CannotCompileError(Exception):
    """The meta-gradient cannot be compiled; the cause says why."""


def capturable(device: torch.device) -> bool:
    """Whether the device has CUDA graphs: an engine made on a GPU may be used on a CPU later."""
    return device.type == "cuda"


class Passes:
    """How `Engine`, which documents the settings, runs through the tasks of a batch."""

    chunk: int | None
    compile: Compile
    checkpoint: Checkpoint
    each_task: bool
    capture: bool

    def __init__(self) -> None:
        self.streams = 1  #: of a GPU, to which chunks are dealt; more take more memory
        self._undivided = False  # whether training batches must not be divided
        self._compiled: Any = None
        self._pieces: WeakKeyDictionary[Algorithm, dict[Hashable, Any]] = WeakKeyDictionary()
        self._apart = Apart()

    def say(self, line: str) -> None:
        """Tells the user what changed during the run."""
        raise NotImplementedError

    def cores(self, algorithm: Algorithm, device: torch.device) -> int:
        """CPU threads in which tests of this learner run side by side, each by itself."""
        return self._apart.cores(algorithm, False) if self._runs_apart(algorithm, device) else 1

    def _scores(
        self,
        algorithm: Algorithm,
        tasks: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None,
    ) -> dict[str, Tensor]:
        def of_chunk(chunk: Task, algorithm: Algorithm) -> dict[str, Tensor]:
            return algorithm.scores(chunk, steps, progress, at, self.chunk != 1)

        with torch.no_grad(), early_pooling.allowed():
            jobs = [partial(of_chunk, chunk) for _, chunk in self._chunks(algorithm, tasks)]
            parts = list(self._all(algorithm, jobs, progress.device))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _sum(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> Gradient:
        count = task_tools.count(tasks)
        if self._size(algorithm, count) == count:
            return self._gradient(tasks, progress, algorithm)
        parts = self._chunks(algorithm, tasks)
        jobs = [partial(self._gradient, tasks, progress) for _, tasks in parts]
        return chunks.mean(parts, self._all(algorithm, jobs, progress.device))

    def _all(
        self, algorithm: Algorithm, jobs: Sequence[Job[Result]], device: torch.device
    ) -> Iterable[Result]:
        """What each job returns: over streams or threads, or one after the other."""
        if self.streams > 1 and capturable(device):
            return streams.deal([partial(job, algorithm) for job in jobs], self.streams)
        if self._runs_apart(algorithm, device):
            return self._apart.run(algorithm, jobs)
        return (job(algorithm) for job in jobs)

    def _runs_apart(self, algorithm: Algorithm, device: torch.device) -> bool:
        """Whether tasks run one by one, each on a core of its own."""
        eager = not (self.capture or self.compile)
        return self.chunk == 1 and eager and apart.suits(algorithm, device)

    def _size(self, algorithm: Algorithm, total: int) -> int:
        """Tasks side by side in a batch of `total`."""
        return total if self._is_whole(algorithm) else min(self.chunk or total, total)

    def _is_whole(self, algorithm: Algorithm) -> bool:
        """Whether a batch must not be divided into chunks."""
        return algorithm.whole_batch or (self._undivided and algorithm.training)

    def _chunks(self, algorithm: Algorithm, tasks: Task) -> list[chunks.Chunk]:
        return chunks.split(tasks, self._size(algorithm, task_tools.count(tasks)))

    def _gradient(self, tasks: Task, progress: Tensor, algorithm: Algorithm) -> Gradient:
        # Running averages, which the pass updates, must not be updated inside a compiled graph.
        if self.compile is True and not self._is_whole(algorithm):
            return self._compiled_gradient(tasks, progress, algorithm)
        parameters = {k: p for k, p in algorithm.named_parameters() if p.requires_grad}
        mixed = self.checkpoint == "mixed"  # early pooling has no derivative in forward mode
        with (
            early_pooling.allowed(not mixed), norm.written_out(mixed),
            checkpointing.wanted(self.checkpoint), compiled(self._compiler(algorithm)),
            # where steps are computed again:
            attention.differentiable_twice(bool(self.checkpoint or self.compile)),
        ):  # fmt: skip
            if self.each_task and task_tools.count(tasks) > 1 and not self._is_whole(algorithm):
                return gradients.of_each_task(algorithm, parameters, tasks, progress)
            loss = algorithm(tasks, progress, self.chunk != 1)
            return gradients.of_the_mean(loss, parameters)

    def _compiler(self, algorithm: Algorithm) -> Compiler | None:
        """What compiles inner steps, where they are compiled."""
        if self.compile != "steps" or self._is_whole(algorithm):
            return None
        if self.each_task:
            self._without_pieces("each task is differentiated by itself")
            return None
        from innerloop.engines.pieces import CompiledPieces  # what it imports takes a second

        of_learner = self._pieces.setdefault(algorithm, {})
        key = (algorithm.training, algorithm.current_phase)
        if key not in of_learner:
            of_learner[key] = CompiledPieces(self.say, self._without_pieces)
        return of_learner[key]

    def _without_pieces(self, why: str) -> None:
        if self.compile == "steps":
            self.say(f"continuing without compiled inner steps: {why}")
        self.compile = False

    def _compiled_gradient(self, tasks: Task, progress: Tensor, algorithm: Algorithm) -> Gradient:
        if self._compiled is None:
            from innerloop.engines.compiled import Compiled  # what it imports takes a second

            self._compiled = Compiled(self.say, self.each_task)
        try:
            return self._compiled(algorithm, tasks, progress)
        except CannotCompileError as failure:
            why = str(failure.__cause__).strip() or type(failure.__cause__).__name__
            self.say(f"continuing without compiling, which failed: {why.splitlines()[0]}")
            self.compile = False
        return self._gradient(tasks, progress, algorithm)
