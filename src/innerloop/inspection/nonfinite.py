"""Finds the first operation whose output is not finite though everything it read was."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Task


class Finding(NamedTuple):
    """Where numbers stopped being finite."""

    kind: str  #: `inf` or `nan`
    operation: str
    read: str  #: what it read
    layer: str  #: the layer that was running; empty in a loss, a gradient or an update
    phase: str  #: what the learner was doing

    def __str__(self) -> str:
        place = f"in layer {self.layer}" if self.layer else "in a loss, a gradient or an update"
        return f"{self.operation}, {place}, {self.phase}: made {self.kind} of {self.read}"


class Watch(TorchDispatchMode):
    """While open, looks at every operation of this thread, inside gradients too.

    An operation that was told to write an infinity (as masks are) is none's mistake and passed by.
    """

    def __init__(self) -> None:
        super().__init__()
        self.findings: dict[str, Finding] = {}  #: the first `inf` and the first `nan`
        self.layers: list[str] = []
        self.phase = "before adapting"

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        read = _kinds((args, kwargs))
        output = func(*args, **(kwargs or {}))
        name = str(func.overloadpacket).removeprefix("aten.")
        if "empty" not in name:  # memory that nobody has written yet
            new = _kinds(output) - read
            for kind in new & {"nan"} if read else new:
                layer = self.layers[-1] if self.layers else ""
                source = "inf" if read else "finite numbers"
                self.findings.setdefault(kind, Finding(kind, name, source, layer, self.phase))
        return output


@contextmanager
def watched(algorithm: Algorithm) -> Iterator[Watch]:
    """While open, a `Watch` knows which layer runs and which inner step is being taken."""
    watch, adapt, predict = Watch(), algorithm.adapt, algorithm.predict

    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        watch.phase = "before the first inner step"
        for step, adapted in enumerate(adapt(*args, **kwargs)):
            watch.phase = f"after inner step {step}"
            yield adapted
            watch.phase = f"during inner step {step + 1}"

    def asked(adapted: Any, inputs: Any) -> Tensor:
        before, watch.phase = watch.phase, f"predicting {watch.phase}"
        try:
            return predict(adapted, inputs)
        finally:
            watch.phase = before

    handles = list(_hooked(algorithm.model, watch))
    algorithm.adapt, algorithm.predict = counted, asked  # type: ignore[method-assign]
    try:
        with watch:
            yield watch
    finally:
        del algorithm.adapt, algorithm.predict
        for handle in handles:
            handle.remove()


def broken_from_the_start(algorithm: Algorithm, tasks: Task) -> list[str]:
    """Parameters, buffers and data that hold what is not finite."""
    state: dict[str, Any] = {f"parameter {k}": v for k, v in algorithm.named_parameters()}
    state |= {f"buffer {k}": v for k, v in algorithm.named_buffers()}
    state |= {
        f"{part} {field}": value
        for part in tasks._fields
        for field in ("inputs", "targets")
        for value in tree_leaves(getattr(getattr(tasks, part), field))
    }
    return [name for name, value in state.items() if _kinds(value)]


def _hooked(model: nn.Module, watch: Watch) -> Iterator[Any]:
    def enter(name: str) -> Any:
        return lambda module, inputs: watch.layers.append(name)

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        watch.layers.pop()

    for name, module in model.named_modules():
        if name:
            yield module.register_forward_pre_hook(enter(name))
            yield module.register_forward_hook(leave)


def _kinds(values: Any) -> set[str]:
    """Which of `inf` and `nan` occur among tensors and numbers."""
    found: set[str] = set()
    for value in tree_leaves(values):
        if isinstance(value, float) and not math.isfinite(value):
            found.add("nan" if math.isnan(value) else "inf")
        elif isinstance(value, Tensor) and value.is_floating_point():
            found |= _kinds_of(value)
    return found


def _kinds_of(value: Tensor) -> set[str]:
    if bool(torch.isfinite(value).all()):  # one pass for what is nearly always so
        return set()
    tests = {"nan": torch.isnan, "inf": torch.isinf}
    return {kind for kind, test in tests.items() if bool(test(value).any())}
