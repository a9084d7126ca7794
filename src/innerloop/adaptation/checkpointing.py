"""Gradient checkpointing of inner steps: less memory for more work.

Only the parameters that each inner step starts from are kept. The backward pass computes the rest
of a step again when it reaches that step (Chen et al., "Training deep nets with sublinear memory
cost", 2016). `torch.utils.checkpoint` refuses functions in which there is a `torch.func.grad`.
"""

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.checkpoint import get_device_states, set_device_states

from innerloop.adaptation.trees import Tensors, moved
from innerloop.errors import UserError

Result = TypeVar("Result")
Flat = Callable[..., tuple[Tensor, ...]]

Checkpoint = bool | Literal["mixed"]  #: mixed: see `innerloop.adaptation.mixed`

_wanted: ContextVar[Checkpoint] = ContextVar("wanted", default=False)


@contextmanager
def wanted(now: Checkpoint = True) -> Iterator[None]:
    """While open, inner steps are checkpointed, or with `now=False` are not."""
    before = _wanted.set(now)
    try:
        yield
    finally:
        _wanted.reset(before)


def are_wanted() -> Checkpoint:
    """Whether inner steps are checkpointed, and in which way."""
    return _wanted.get()


def run(step: Callable[..., Result], *arguments: object) -> Result:
    """`step(*arguments)`, keeping only the arguments for the backward pass.

    Arguments:
        step: takes trees of tensors and plain values, and returns a tree of tensors.

    Raises:
        UserError: if it uses tensors that are trained without taking them as arguments.
    """
    given = Tensors(arguments)
    shape: Any = None

    def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
        nonlocal shape
        outputs, shape = tree_flatten(step(*given.replaced(tensors)))
        return tuple(outputs)

    outputs = Again.apply(flat, repeatable(flat, *given.tensors), *given.tensors)
    return tree_unflatten(outputs, shape)


def repeatable(function: Callable[..., Result], *tensors: Tensor) -> Callable[..., Result]:
    """The function with the context variables, autocast and random numbers of this moment.

    While a CUDA graph is captured, the random numbers of the device are not kept, which it forbids.
    """
    context, random = contextvars.copy_context(), torch.get_rng_state()
    devices, states = _device_states(tensors[0])  # they are all on one device
    kind = tensors[0].device.type
    rounded, dtype = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)

    def again(*tensors: Tensor) -> Result:
        autocast = torch.autocast(kind, dtype, enabled=rounded, cache_enabled=False)
        with torch.random.fork_rng(devices), autocast:
            torch.set_rng_state(random)
            set_device_states(devices, states)
            return context.copy().run(function, *tensors)

    return again


def _device_states(tensor: Tensor) -> tuple[list[int], list[Tensor]]:
    """The random generators of the tensor's device, none on a CPU."""
    if tensor.device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        return [], []
    return get_device_states(tensor)


class Again(Function):
    """A function of tensors; its backward pass runs it again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(function: Flat, again: Flat, *tensors: Tensor) -> tuple[Tensor, ...]:
        with (
            torch.enable_grad()
        ):  # only tensors that are used without being arguments have a graph here
            outputs = function(*[tensor.detach() for tensor in tensors])
        if any(_has_graph(tensor) for tensor in outputs):
            raise UserError(
                "engine.checkpoint: the loss of an inner step uses tensors that the outer "
                "loop trains without being given them, so that no gradient would reach them: pass "
                "them to `descend` as `given`, or use engine.checkpoint=false."
            )
        return outputs

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.again, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        tensors, needed = list(ctx.saved_tensors), ctx.needs_input_grad[2:]
        moving = [i for i, need in enumerate(needed) if need]

        def of_moving(*values: Tensor) -> tuple[Tensor, ...]:
            return ctx.again(*moved(tensors, moving, values))

        pull = torch.func.vjp(of_moving, *[tensors[i] for i in moving])[1]
        slopes = dict(zip(moving, pull(gradients), strict=True))
        return None, None, *[slopes.get(i) for i in range(len(tensors))]


def _has_graph(tensor: Tensor) -> bool:
    while torch._C._functorch.is_batchedtensor(
        tensor
    ):  # a tensor of vmap does not tell whether it needs a gradient
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor.requires_grad
