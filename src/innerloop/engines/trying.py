"""An engine that measures on its first batch how steps run fastest, and keeps that way."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.adaptation.checkpointing import Checkpoint
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import trial
from innerloop.engines.engine import Engine
from innerloop.engines.passes import Compile
from innerloop.engines.timings import Timings
from innerloop.tasks import Task

GAIN = 1.2  #: more than one thread must be as many times as fast as one, which leaves cores free
WORTH_THREADS = 0.005  #: seconds of a step on one thread from which more are tried

STREAMS, DEALT = (4, 8), (1, 4)  #: side streams that are tried, for chunks of these sizes


class Compiling(NamedTuple):
    """What is expected of compiling before it was measured.

    Arguments:
        name: of its time.
        cold: seconds of a compilation.
        speed_up: how many times as fast compiled steps are.
    """

    name: str
    cold: float
    speed_up: float


WHOLE = Compiling("compiled", cold=30.0, speed_up=4.0)
STEPS = Compiling("with compiled inner steps", cold=90.0, speed_up=1.5)
WARM = 3.0  #: seconds of a compilation that the cache has


class Way(NamedTuple):
    """A way to compute a step.

    Arguments:
        chunk: tasks side by side.
        threads: CPU threads.
        streams: of a GPU, to which chunks are dealt.
        checkpoint: whether inner steps are computed again.
    """

    chunk: int
    threads: int
    streams: int = 1
    checkpoint: Checkpoint = False

    def __str__(self) -> str:
        words = [f"{self.chunk} at a time", f"{self.threads} thread{'s'[: self.threads > 1]}"]
        words += [f"{self.streams} streams"] * (self.streams > 1)
        return ", ".join([*words, *["mixed mode"] * (self.checkpoint == "mixed")])


class TryingEngine(Engine):
    """Measures, in this order: how many tasks run side by side, with CUDA graphs also over how many
    streams and in mixed mode; whether more than one CPU thread is faster; and, where the steps
    ahead pay for it, whether steps are compiled.

    Small networks are only timed on one thread: where other work keeps a core busy, threads that
    wait for each other take many times as long.

    Arguments:
        guess: how it runs until then.
        steps: outer steps ahead.
        may_compile: what the user and the machine allow to compile.
        may_thread: whether the number of CPU threads may change.
        may_mix: whether mixed mode is tried.
    """

    def __init__(
        self,
        guess: Engine,
        steps: int,
        may_compile: Compile,
        may_thread: bool,
        may_mix: bool = False,
    ) -> None:
        super().__init__(
            guess.chunk, guess.compile, guess.name, guess.checkpoint, capture=guess.capture
        )
        self.steps, self.may_compile, self.may_thread = steps, may_compile, may_thread
        self.may_mix = may_mix
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
        """Finds the fastest way, takes it and says so."""
        timings = Timings(algorithm, tasks, self.checkpoint, self.capture)
        earlier = set(timings.times)
        threads = torch.get_num_threads()

        def time(way: Way) -> float:
            if str(way) not in timings.times:
                torch.set_num_threads(way.threads)
                engine = self._like(algorithm, way)
                timings.keep({str(way): trial.seconds(engine, algorithm, tasks, progress)})
            return timings.times[str(way)]

        first = 1 if self.may_thread else threads
        best = min(self._ways(tasks, first), key=time)
        more = best._replace(threads=threads)
        if time(best) > WORTH_THREADS and time(more) * GAIN < time(best):
            best = more
        self._take(best, task_tools.count(tasks))
        self.say(_line(timings.times, earlier, best))
        if self._compiling_pays(time(best), timings.times.get(self._compiling.name)):
            self._compile(algorithm, tasks, progress, timings, time(best))

    def _ways(self, tasks: Task, threads: int) -> list[Way]:
        """Every size of chunk; with CUDA graphs also over streams, and in mixed mode."""
        sizes = trial.sizes(tasks)
        ways = [Way(n, threads, checkpoint=self.checkpoint) for n in sizes]
        if not self.capture:
            return ways
        ways += [w._replace(streams=n) for w in ways[:-1] for n in STREAMS if w.chunk in DEALT]
        rounded = torch.is_autocast_enabled(tree_leaves(tasks)[0].device.type)
        if self.may_mix and not rounded:
            most = [ways[len(sizes) - 1], ways[-1]]  # all at once, and over streams
            ways += [w._replace(checkpoint="mixed") for w in dict.fromkeys(most)]
        return ways

    def _take(self, way: Way, total: int) -> None:
        self.chunk = None if way.chunk == total else way.chunk
        self.name = "loop" if way.chunk == 1 else "vmap"
        self.streams, self.checkpoint = way.streams, way.checkpoint
        torch.set_num_threads(way.threads)
        self.threads = way.threads if self.may_thread else None

    def _compiling_pays(self, eager: float, compiled: float | None) -> bool:
        """Whether the steps ahead save more time than a compilation takes.

        Arguments:
            eager: seconds of a step.
            compiled: seconds of a compiled step; None if it was never compiled here.
        """
        if compiled is None:
            compiled, cost = eager / self._compiling.speed_up, self._compiling.cold
        else:
            cost = WARM
        allowed = self.may_compile and not self.checkpoint
        return bool(allowed) and self.steps * (eager - compiled) > cost

    def _compile(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor, timings: Timings, eager: float
    ) -> None:
        """Compiles the step; keeps it eager if that is faster after all, or compiling fails."""
        self.compile = self.may_compile
        compiled = trial.seconds(self, algorithm, tasks, progress)
        if not self.compile:  # it failed, and said so
            return
        timings.keep({self._compiling.name: compiled})
        self.compile = self.may_compile if compiled < eager else False
        self.say(f"engine auto: a step takes {_milliseconds(compiled)} {self._compiling.name}")

    @property
    def _compiling(self) -> Compiling:
        return STEPS if self.may_compile == "steps" else WHOLE

    def _like(self, algorithm: Algorithm, way: Way) -> Engine:
        """An engine that runs in another way, which need not check the learner again."""
        engine = Engine(
            way.chunk, checkpoint=way.checkpoint, each_task=self.each_task, capture=self.capture
        )
        engine.streams = way.streams
        engine._checked[algorithm] = None
        engine.say = lambda line: None  # type: ignore[method-assign]  # this engine says it once
        return engine


def _line(times: dict[str, float], earlier: set[str], best: Way) -> str:
    """What was measured, and what was chosen."""
    eager = {way: time for way, time in times.items() if way not in (WHOLE.name, STEPS.name)}
    shown = "; ".join(f"{way}: {_milliseconds(time)}" for way, time in eager.items())
    how = "measured earlier" if set(eager) <= earlier else "tried"
    return f"engine auto: a step with {shown} ({how}): chose {best}"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.0f} ms" if seconds >= 0.01 else f"{1e3 * seconds:.2g} ms"
