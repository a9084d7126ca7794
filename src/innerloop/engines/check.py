"""Whether a learner's tasks may run side by side: compared once with one task at a time.

PyTorch runs nearly every layer under `vmap`, and most of them rightly. A user's own layers may be
of any kind, so the first batch decides: a few of its tasks are run in float64, one by one and side
by side, and their meta-gradients must agree to rounding.
"""

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import gradients, memory
from innerloop.engines.gradients import Gradient
from innerloop.errors import UserError
from innerloop.tasks import Task

TASKS = 2  #: of the first batch that are compared
STEPS = 2  #: inner steps of the comparison: two show whatever there is of second order
AGREE = 1e-9  #: of the gradient's norm; rounding in float64 is far smaller


class Verdict(NamedTuple):
    """How a learner's tasks may run.

    Arguments:
        side_by_side: whether by `vmap` at all.
        each_task: whether every task must be differentiated by itself.
        why: what speaks against the faster way, in a few words.
    """

    side_by_side: bool = True
    each_task: bool = False
    why: str = ""


def check(algorithm: Algorithm, tasks: Task, progress: Tensor) -> Verdict:
    """Compares the meta-gradients of the first tasks; changes nothing and draws no random numbers.

    Raises:
        UserError: if the learner cannot be differentiated even one task at a time.
    """
    devices = range(torch.cuda.device_count()) if progress.device.type == "cuda" else ()
    with (
        torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices),
        torch.autocast(progress.device.type, enabled=False), warnings.catch_warnings(),
        _without_dropout(algorithm),
    ):  # fmt: skip
        warnings.simplefilter("ignore")  # about rules that vmap lacks
        return _verdict(algorithm, task_tools.part(tasks, 0, TASKS), progress)


def _verdict(algorithm: Algorithm, tasks: Task, progress: Tensor) -> Verdict:
    exact = _Copy(algorithm, tasks, progress, torch.float64)
    try:
        with _Embeddings() as embeddings:
            reference = exact.one_by_one()
    except Exception as error:  # of as many kinds as there are layers
        if memory.ran_out(error):
            return Verdict(False, why="memory does not suffice to check it")
        _must_run(algorithm, tasks, progress, error)
        return Verdict(False, why=f"it cannot be checked in float64 ({first_line(error)})")
    changed = exact.changed_buffers()
    if changed and not algorithm.whole_batch:
        raise UserError(_changes(algorithm, changed[0]))
    if embeddings.padded:
        return Verdict(False, why="the padding row of an embedding would be trained")
    why = exact.disagreement(reference, each_task=False)
    if why is None:
        return Verdict()
    if not algorithm.whole_batch and exact.disagreement(reference, each_task=True) is None:
        return Verdict(each_task=True, why=why)
    return Verdict(False, why=why)


def _must_run(algorithm: Algorithm, tasks: Task, progress: Tensor, error: Exception) -> None:
    """Raises `UserError` if the learner does not run in its own precision either."""
    own = _Copy(algorithm, tasks, progress, None)
    try:
        own.one_by_one()
    except UserError:
        raise
    except Exception as again:
        raise UserError(_cannot(algorithm, own.changed_buffers(), again)) from error


class _Copy:
    """The values of a learner and of a few tasks, in another precision."""

    def __init__(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor, dtype: torch.dtype | None
    ) -> None:
        def copied(value: Tensor) -> Tensor:
            value = value.detach().clone()
            return value.to(dtype) if dtype and value.is_floating_point() else value

        self.algorithm = algorithm
        self.tasks, self.progress = tree_map(copied, tasks), copied(progress)
        named = dict(algorithm.named_parameters())
        self.fixed = {k: copied(p) for k, p in named.items() if not p.requires_grad}
        self.trained = {k: copied(p).requires_grad_() for k, p in named.items() if p.requires_grad}
        self.before = {k: copied(b) for k, b in algorithm.named_buffers()}
        self.buffers: dict[str, Tensor] = {}

    def one_by_one(self) -> Gradient:
        """The reference: plain autograd, one task at a time."""
        return self._of_the_mean(side_by_side=False)

    def disagreement(self, reference: Gradient, each_task: bool) -> str | None:
        """What is wrong with the tasks side by side; None if nothing is."""
        try:
            found = self._of_each_task() if each_task else self._of_the_mean(side_by_side=True)
        except Exception as error:
            return f"PyTorch cannot run them so: {first_line(error)}"
        gap, size = _distance(found, reference)
        if gap <= AGREE * size:
            return None
        return f"the meta-gradient would be off by {gap / size:.1g} of its norm"

    def changed_buffers(self) -> list[str]:
        """Buffers that the last pass changed."""
        return [k for k, b in self.buffers.items() if not torch.equal(b, self.before[k])]

    def _of_the_mean(self, side_by_side: bool) -> Gradient:
        self.buffers = {k: b.clone() for k, b in self.before.items()}
        values = self.fixed | self.trained | self.buffers
        with _few_steps(self.algorithm):
            loss = functional_call(
                self.algorithm, values, (self.tasks, self.progress, side_by_side)
            )
        return gradients.of_the_mean(loss, self.trained)

    def _of_each_task(self) -> Gradient:
        fixed = self.fixed | {k: b.clone() for k, b in self.before.items()}
        with _few_steps(self.algorithm):
            return gradients.of_each_task(
                self.algorithm, self.trained, self.tasks, self.progress, fixed
            )


class _Embeddings(TorchFunctionMode):
    """While open, notes whether an embedding has a padding index that PyTorch must respect."""

    padded = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (F.embedding, F.embedding_bag):
            given = inspect.signature(func).bind(*args, **(kwargs or {})).arguments
            self.padded |= given.get("padding_idx") is not None
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def _few_steps(algorithm: Algorithm) -> Iterator[None]:
    steps = algorithm.steps
    algorithm.steps = min(steps, STEPS)
    try:
        yield
    finally:
        algorithm.steps = steps


@contextlib.contextmanager
def _without_dropout(model: nn.Module) -> Iterator[None]:
    """While open, PyTorch's layers drop nothing: two passes can then be compared."""
    rates: list[tuple[nn.Module, str, float]] = [
        (layer, name, getattr(layer, name))
        for layer in model.modules()
        for kind, name in (
            (nn.modules.dropout._DropoutNd, "p"), (nn.RNNBase, "dropout"),
            (nn.MultiheadAttention, "dropout"),
        )
        if isinstance(layer, kind)
    ]  # fmt: skip
    for layer, name, _ in rates:
        setattr(layer, name, 0.0)
    try:
        yield
    finally:
        for layer, name, rate in rates:
            setattr(layer, name, rate)


def _distance(found: Gradient, reference: Gradient) -> tuple[float, float]:
    """The norm of the difference of two gradients, and that of the second."""
    one, other = (torch.cat([g.flatten() for g in part[1].values()]) for part in (found, reference))
    return float((one - other).norm()), float(other.norm())


def _cannot(algorithm: Algorithm, changed: list[str], error: Exception) -> str:
    if changed:
        return _changes(algorithm, changed[0])
    return (
        f"{type(algorithm).__name__} cannot differentiate this model: {first_line(error)}. Use "
        "layers that PyTorch can differentiate twice, or algorithm=fomaml, reptile or protonet, "
        "which differentiate once."
    )


def _changes(algorithm: Algorithm, buffer: str) -> str:
    return (
        f"{type(algorithm).__name__} cannot train this model: every pass through it changes "
        f"{buffer}, so that what a task learns would depend on the tasks before it. Use a layer "
        "without such a state (track_running_stats=False; weight_norm instead of spectral_norm)."
    )


def first_line(error: BaseException) -> str:
    """The first sentence of an error's message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:160]
