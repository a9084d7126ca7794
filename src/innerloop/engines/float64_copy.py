"""A copy of a learner and of a few tasks, to compare meta-gradients in float64."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import gradients
from innerloop.engines.gradients import Gradient
from innerloop.machine.float64 import exact
from innerloop.tasks import Task

STEPS = 2  #: inner steps of the comparison: two show whatever there is of second order
AGREE = 1e-9  #: of the gradient's norm; rounding in float64 is far smaller


class LearnerCopy:
    """The values of a learner and of a few tasks.

    Arguments:
        in_float64: whether they are copied to float64; on a device without it, to the processor.
    """

    def __init__(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor, in_float64: bool
    ) -> None:
        def copied(value: Tensor) -> Tensor:
            value = value.detach().clone()
            return exact(value) if in_float64 else value

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
            gradient = self._of_each_task() if each_task else self._of_the_mean(side_by_side=True)
        except Exception as error:
            return f"PyTorch cannot run them so: {first_line(error)}"
        gap, size = _distance(gradient, reference)
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


class EmbeddingWatch(TorchFunctionMode):
    """While open, notes whether an embedding has a padding index that PyTorch must respect."""

    padded = False

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
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
def without_dropout(model: nn.Module) -> Iterator[None]:
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


def _distance(gradient: Gradient, reference: Gradient) -> tuple[float, float]:
    """The norm of the difference of two gradients, and that of the second."""
    ours, theirs = (
        torch.cat([slope.flatten() for slope in slopes.values()])
        for _, slopes in (gradient, reference)
    )
    return float((ours - theirs).norm()), float(theirs.norm())


def first_line(error: BaseException) -> str:
    """The first sentence of an error's message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:160]
