"""The meta-gradient and the scores of a batch of tasks, computed in chunks."""

import sys
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.adaptation.checkpointing import Checkpoint
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import memory, passes
from innerloop.engines.gradients import Gradient
from innerloop.engines.known import unknown
from innerloop.engines.passes import Compile, Passes
from innerloop.engines.update import Update
from innerloop.errors import UserError
from innerloop.layers import names
from innerloop.machine.screen import wrapped
from innerloop.tasks import Task

if TYPE_CHECKING:
    from innerloop.engines.check import Verdict


Result = TypeVar("Result")


class Engine(Passes):
    """Runs tasks in chunks: within a chunk side by side (`vmap`), chunk after chunk.

    Gradients are added up over the chunks, so that memory does not grow with the number of tasks.
    Chunks of one task run without `vmap`; those of images run in several threads of a CPU. A
    learner whose layers would give wrong results side by side runs in such chunks, which is checked
    on the first batch (`innerloop.engines.check`). A pass that runs out of memory is tried again
    with half the chunk, and finally with checkpointed inner steps; the engine keeps what worked.

    Arguments:
        chunk: tasks side by side; None for all of a batch.
        compile: whether the whole meta-gradient is one compiled function; `steps`: whether an inner
            step, its derivative and the query loss are, see `innerloop.adaptation.pieces`.
        name: what it is called in results.
        checkpoint: whether inner steps are checkpointed: computed again for the meta-gradient, to
            save memory, see `innerloop.adaptation.checkpointing`; `mixed` computes only products
            with the Hessian, see `innerloop.adaptation.mixed`.
        each_task: whether tasks are differentiated one by one, see `innerloop.engines.gradients`.
        capture: whether work is replayed as CUDA graphs, see `innerloop.engines.captured`.
    """

    def __init__(
        self,
        chunk: int | None = None,
        compile: Compile = False,
        name: str = "vmap",
        checkpoint: Checkpoint = False,
        each_task: bool = False,
        capture: bool = False,
    ) -> None:
        super().__init__()
        if chunk is not None and chunk < 1:
            raise UserError(f"engine.chunk={chunk}: a chunk holds at least one task.")
        self.chunk, self.compile, self.name, self.checkpoint = chunk, compile, name, checkpoint
        self.each_task, self.one_by_one = each_task, False
        self.inference = True  #: whether it works where autograd is switched off
        self.threads: int | None = None  #: CPU threads, where the engine chose them
        self.capture = capture
        self._captured: dict[str, Any] = {}
        self._checked: WeakKeyDictionary[Algorithm, UserError | None] = WeakKeyDictionary()

    def meta_gradient(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> Gradient:
        """The mean meta-loss over the tasks and its gradient for every parameter by name.

        With CUDA graphs, the gradient is overwritten by the next call.
        """
        if progress.device.type == "cpu":
            memory.keep_freed()
        self._check(algorithm, tasks, progress)

        def run(tasks: Task, progress: Tensor) -> Gradient:
            return self._sum(algorithm, tasks, progress)

        loss, gradient = memory.fitting(
            lambda: self._replay(algorithm, run, "meta-gradients", (), tasks, progress),
            lambda: self._shrink(algorithm, tasks, learns=True),
        )
        return loss.clone() if self.capture else loss, gradient

    def step(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor, update: Update
    ) -> tuple[Tensor, Tensor] | None:
        """The mean meta-loss and what `update` returns, from one CUDA graph of the gradient and the
        update; None, and nothing was done, where graphs are not captured."""
        if not (self.capture and passes.capturable(progress.device)) or self._is_whole(algorithm):
            return None
        self._check(algorithm, tasks, progress)
        state = update.tensors()
        trained = {k: p for k, p in algorithm.named_parameters() if p.requires_grad}

        def run(tasks: Task, progress: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = self._sum(algorithm, tasks, progress)
            with torch.no_grad():
                told = update(list(trained.values()), [gradient[k] for k in trained], *state)
            return loss, told

        settings = (update.settings, *[tensor.data_ptr() for tensor in state])
        changes = [*trained.values(), *state]
        loss, told = memory.fitting(
            lambda: self._replay(algorithm, run, "outer steps", settings, tasks, progress, changes),
            lambda: self._shrink(algorithm, tasks, learns=True),
        )
        return loss.clone(), told.clone()

    def scores(
        self,
        algorithm: Algorithm,
        tasks: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
    ) -> dict[str, Tensor]:
        """`(T, steps + 1)` or `(T, len(at))` scores per metric, see `Algorithm.scores`."""

        def run(tasks: Task, progress: Tensor) -> dict[str, Tensor]:
            return self._scores(algorithm, tasks, steps, progress, at)

        if progress.device.type == "cpu":
            memory.keep_freed()
        self._refusal(algorithm, tasks, progress)  # what cannot be trained may still be scored
        settings = (steps, None if at is None else tuple(at))
        scores = memory.fitting(
            lambda: self._replay(algorithm, run, "scores", settings, tasks, progress),
            lambda: self._shrink(algorithm, tasks, learns=False),
        )
        return {k: v.clone() for k, v in scores.items()} if self.capture else scores

    def say(self, line: str) -> None:
        """Tells the user what the engine changed during the run."""
        print(wrapped(line, sys.stdout), flush=True)

    def describe(self) -> dict[str, Any]:
        """The engine as plain values, for results and checkpoints."""
        return {
            "name": self.name, "chunk": self.chunk, "compile": self.compile,
            "checkpoint": self.checkpoint, "each_task": self.each_task, "threads": self.threads,
            "capture": self.capture, "streams": self.streams,
        }  # fmt: skip

    def _replay(
        self,
        algorithm: Algorithm,
        run: Callable[[Task, Tensor], Result],
        name: str,
        settings: tuple[Hashable, ...],
        tasks: Task,
        progress: Tensor,
        changes: Sequence[Tensor] = (),
    ) -> Result:
        """`run(tasks, progress)`, as a CUDA graph where the engine captures them."""
        if not (self.capture and passes.capturable(progress.device)):
            return run(tasks, progress)
        if why := self._cannot_capture(algorithm):
            self.say(f"continuing without CUDA graphs: {why}")
            self.capture = False
            return run(tasks, progress)
        from innerloop.engines.captured import Captured  # needed on a GPU alone

        captured = self._captured.setdefault(name, Captured(name, self.say))
        way = (*settings, self.chunk, self.compile, self.checkpoint, self.each_task, self.streams)
        again = bool(self.checkpoint)
        result: Result = captured.run(algorithm, run, way, tasks, progress, again, changes)
        return result

    def _cannot_capture(self, algorithm: Algorithm) -> str:
        """What speaks against CUDA graphs for this learner; empty if nothing does."""
        if algorithm.one_by_one:
            return f"{type(algorithm).__name__} runs one task at a time: {algorithm.one_by_one}"
        if self.one_by_one:
            return "tasks run one by one"
        return "each pass changes running averages" if self._is_whole(algorithm) else ""

    def _check(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> None:
        """Checks on a learner's first batch whether its tasks may run side by side.

        Raises:
            UserError: for a learner that cannot be trained.
        """
        if refusal := self._refusal(algorithm, tasks, progress):
            raise refusal

    def _refusal(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> UserError | None:
        """Why a learner cannot be trained, as its first batch has shown; None if it can.

        Raises:
            UserError: for a learner that cannot even be scored.
        """
        if algorithm not in self._checked:
            names.check(algorithm)
            try:
                self._checked[algorithm] = None
                self._look_into(algorithm, tasks, progress)
            except UserError as error:
                self._checked[algorithm] = error
        return self._checked[algorithm]

    def _look_into(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> None:
        if layers := unknown(algorithm):
            from innerloop.engines.check import check  # seldom needed

            self._apply(check(algorithm, tasks, progress), ", ".join(layers))

    def _apply(self, verdict: "Verdict", layers: str) -> None:
        """Switches to the fastest way that gives the right gradient."""
        self.each_task = self.each_task or verdict.each_task
        self._undivided = verdict.whole_batch
        if verdict.side_by_side and not (self.each_task and self.checkpoint):
            return
        if self.chunk != 1:
            self.say(f"tasks run one by one, not side by side, for {layers}: {verdict.why}")
        self.one_by_one = True
        self.chunk, self.compile, self.name = 1, False, "loop"

    def _shrink(self, algorithm: Algorithm, tasks: Task, learns: bool) -> bool:
        """Switches to the next way that needs less memory; returns False if none is left.

        Arguments:
            learns: whether the gradients, and not the scores, ran out of memory.
        """
        if learns and self.streams > 1:
            self.say(f"out of memory on {self.streams} streams: continuing on one")
            self.streams = 1
            return True
        size = self._size(algorithm, task_tools.count(tasks))
        saves = learns and not (self.checkpoint or self.compile) and algorithm.unrolls
        if self._is_whole(algorithm) or not (size > 1 or saves):
            return False
        if size > 1:
            self.chunk = size // 2
            self.say(f"out of memory with {size} tasks side by side: continuing with {self.chunk}")
        else:
            self.checkpoint = True
            self.say("out of memory with a single task: continuing with engine.checkpoint=true")
        return True
