"""Work on a batch of tasks as CUDA graphs, which replay thousands of kernels in one launch.

The kernels of a meta-gradient take a small part of the time that Python and their launches take. A
graph holds them with the addresses that they read and write: a batch is copied to where the graph
reads it, and parameters are read where they are, so that the outer optimizer must update in place.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten
from torch.utils.checkpoint import get_device_states

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import memory
from innerloop.engines.float64_copy import first_line
from innerloop.engines.recording import Recording, Work
from innerloop.tasks import Task

LIMIT = 8  #: graphs that are held; a further one replaces the one that was not used for longest
MOST = 64  #: captures of a run; beyond it, capturing would take longer than replaying saves
APART = 0.01  #: largest relative distance of a replay from the same work without a graph


class CannotCaptureError(Exception):
    """The work cannot be captured, or its replay would give something else."""


class Captured:
    """Runs work by CUDA graphs: one for every shape of its inputs and phase of the learner.

    The first time that a shape occurs, the work runs as it is; the second time, it is captured.
    What a replay returns is overwritten by the next one.

    Arguments:
        name: of the work, for the user.
        say: told in one line why work is not captured.
    """

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self.name, self.say, self.stopped = name, say, False
        self._captures = 0
        self._pool: object = None  # memory that all graphs share: they run one after the other
        self._seen: set[Hashable] = set()
        self._recordings: OrderedDict[Hashable, Recording] = OrderedDict()

    def run(
        self,
        algorithm: Algorithm,
        work: Work,
        settings: Hashable,
        tasks: Task,
        progress: Tensor,
        again: bool = False,
        changes: Sequence[Tensor] = (),
    ) -> object:
        """`work(tasks, progress)`, a tree of tensors.

        Arguments:
            settings: all that the work depends on beside the learner and the tasks.
            again: whether it computes inner steps again, with the same random numbers.
            changes: tensors beside the learner's buffers that the work changes in place.
        """
        leaves, layout = tree_flatten((tasks, progress))
        key = (settings, str(layout), *_state(algorithm, progress), *map(_shape, leaves))
        if key in self._recordings:
            self._recordings.move_to_end(key)
            return self._recordings[key].replay(leaves)
        if self.stopped or key not in self._seen:
            self._seen.add(key)
            return work(tasks, progress)
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        recording = Recording(lambda *x: work(*tree_unflatten(x, layout)), leaves, self._pool)
        try:
            _capture([*algorithm.buffers(), *changes], recording, again)
        except CannotCaptureError as refusal:
            self.stop(str(refusal))
            return work(tasks, progress)
        self._keep(key, recording)
        return recording.replay(leaves)

    def _keep(self, key: Hashable, recording: Recording) -> None:
        self._recordings[key] = recording
        self._captures += 1
        if len(self._recordings) > LIMIT:
            self._recordings.popitem(last=False)
        if self._captures == MOST:
            self.stop("the shapes of the tasks change too often")

    def stop(self, why: str) -> None:
        """Captures nothing more, and says why."""
        if not self.stopped:
            self.say(f"no further CUDA graphs of {self.name}: {why}")
        self.stopped = True


def _capture(changes: Sequence[Tensor], recording: Recording, again: bool) -> None:
    """Captures the work, and compares a replay with the work itself.

    Arguments:
        changes: tensors that the work changes; they are left as they were.

    Raises:
        CannotCaptureError: with what stands in the way.
    """
    with _unchanged(changes):
        expected, draws = _warm_up(recording)
        changed = [tensor.clone() for tensor in changes]
        if draws and again:
            raise CannotCaptureError("inner steps that are computed again draw random numbers")
        try:
            recording.capture()
        except Exception as error:  # of as many kinds as there are layers
            why = "memory does not suffice" if memory.ran_out(error) else first_line(error)
            raise CannotCaptureError(why) from error
    if not draws:
        with _unchanged(changes):
            replayed = recording.replay(recording.inputs)
            _compare((expected, changed), (replayed, list(changes)))


def _warm_up(recording: Recording) -> tuple[object, bool]:
    """What the work gives, and whether it draws random numbers on the device."""
    devices, before = get_device_states(*recording.inputs)
    with torch.random.fork_rng(devices):
        on_processor = _drawn_on_processor()
        result = recording.warm_up()
        if on_processor != _drawn_on_processor():
            raise CannotCaptureError("random numbers are drawn on the processor")
        after = get_device_states(*recording.inputs)[1]
    return result, any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def _compare(expected: object, replayed: object) -> None:
    for one, other in zip(tree_leaves(expected), tree_leaves(replayed), strict=True):
        distance = torch.linalg.vector_norm((one - other).detach().double())
        if distance > APART * torch.linalg.vector_norm(one.detach().double()):
            raise CannotCaptureError("a replay gives something else than the work itself")


def _drawn_on_processor() -> object:
    """Where the random generators of the processor stand, which a graph cannot advance."""
    numpy: Any = np.random.get_state()  # noqa: NPY002  # what a user's layer may draw from
    drawn = numpy[2], numpy[1].tobytes()
    return random.getstate(), drawn, torch.get_rng_state().numpy().tobytes()


@contextmanager
def _unchanged(changes: Sequence[Tensor]) -> Iterator[None]:
    """Restores tensors, such as running averages, that a pass may change."""
    before = [tensor.detach().clone() for tensor in changes]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(changes, before, strict=True):
                tensor.copy_(value)


def _state(algorithm: Algorithm, progress: Tensor) -> tuple[Hashable, ...]:
    """All that a graph depends on beside the shapes of its inputs."""
    held = [*algorithm.parameters(), *algorithm.buffers()]
    return (
        id(algorithm), algorithm.training, algorithm.current_phase,
        torch.is_autocast_enabled(progress.device.type), torch.is_inference_mode_enabled(),
        torch.get_float32_matmul_precision(),
        *[(x.data_ptr(), x.requires_grad) for x in held],
    )  # fmt: skip


def _shape(x: Tensor) -> Hashable:
    return x.shape, x.stride(), x.dtype, x.device
