"""Finds the first operation with finite inputs and an output that is not finite."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.inspection.watch import Watch, kinds
from innerloop.tasks import Examples, Inputs, Task

Adapt = Callable[[Examples, int, Tensor], Iterator[Adapted]]
Predict = Callable[[Adapted, Inputs], Tensor]


@contextmanager
def watched(algorithm: Algorithm) -> Iterator[Watch]:
    """A `Watch` that, while open, knows the running layer and the current inner step."""
    watch = Watch()
    handles = list(_hooked(algorithm.model, watch))
    adapt, predict = _watched_steps(algorithm, watch)
    algorithm.adapt = adapt  # type: ignore[method-assign, assignment]
    algorithm.predict = predict  # type: ignore[method-assign, assignment]
    try:
        with watch:
            yield watch
    finally:
        del algorithm.adapt, algorithm.predict
        for handle in handles:
            handle.remove()


def _watched_steps(algorithm: Algorithm, watch: Watch) -> tuple[Adapt, Predict]:
    """`adapt` and `predict` that keep the current inner step in `watch.phase`."""
    adapt, predict = algorithm.adapt, algorithm.predict

    def watched_adapt(support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        watch.phase = "before the first inner step"
        for step, adapted in enumerate(adapt(support, steps, progress)):
            watch.phase = f"after inner step {step}"
            yield adapted
            watch.phase = f"during inner step {step + 1}"

    def watched_predict(adapted: Adapted, inputs: Inputs) -> Tensor:
        before, watch.phase = watch.phase, f"predicting {watch.phase}"
        try:
            return predict(adapted, inputs)
        finally:
            watch.phase = before

    return watched_adapt, watched_predict


def broken_from_the_start(algorithm: Algorithm, tasks: Task) -> list[str]:
    """Names of the parameters, buffers and data with values that are not finite."""
    state: dict[str, Tensor] = {f"parameter {k}": v for k, v in algorithm.named_parameters()}
    state |= {f"buffer {k}": v for k, v in algorithm.named_buffers()}
    state |= {
        f"{part} {field}": value
        for part in tasks._fields
        for field in ("inputs", "targets")
        for value in tree_leaves(getattr(getattr(tasks, part), field))
    }
    return [name for name, value in state.items() if kinds(value)]


def _hooked(model: nn.Module, watch: Watch) -> Iterator[RemovableHandle]:
    """Hooks that keep the names of the running layers in `watch.layers`, the innermost last."""

    def enter(name: str) -> Callable[[nn.Module, object], None]:
        return lambda module, inputs: watch.layers.append(name)

    def leave(module: nn.Module, inputs: object, output: object) -> None:
        watch.layers.pop()

    for name, module in model.named_modules():
        if name:
            yield module.register_forward_pre_hook(enter(name))
            yield module.register_forward_hook(leave)
