"""Batch normalisation whose statistics are named: transductive, support or running.

`transductive`: the statistics of whatever batch is passed, in training and in test (Finn et al.
2017). `support`: the support's statistics serve its queries too, so a query's answer never depends
on the others. `running`: the batch's statistics in training, running averages in test (Ioffe and
Szegedy 2015); the outer loop updates the averages, once per batch of tasks, by `track`.

A layer changes no state unless `track` allows it, so that tasks can run side by side. How the rows
of a pass are laid out is declared with `grouped`; `innerloop.algorithms.promises` does so for every
algorithm.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.errors import UserError
from innerloop.machine import processes

MODES = ("transductive", "support", "running")


class _Layout(NamedTuple):
    """How the rows of the forward pass under way are laid out; read by every layer."""

    groups: int = 1  #: tasks that lie one after the other in the rows
    support: int | None = None  #: rows at the start of each group that are its support
    size: int | None = None  #: rows of a group, support and queries
    tracking: bool = False  #: whether running averages follow this pass


_layout: ContextVar[_Layout] = ContextVar("layout", default=_Layout())  # noqa: B039, immutable


class TaskNorm(nn.Module):
    """Normalises each channel of `(rows, channels, ...)`, then scales and shifts it.

    Arguments:
        channels: size of dimension 1.
        mode: `transductive`, `support` or `running`.
        momentum: weight of a new batch in the running averages.
        affine: whether scale and shift are learned.

    Raises:
        UserError: for another mode.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        channels: int,
        mode: str,
        momentum: float = 0.1,
        eps: float = 1e-5,
        affine: bool = True,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise UserError(f"norm={mode} is not a mode of batch norm: choose {', '.join(MODES)}.")
        self.mode, self.momentum, self.eps = mode, momentum, eps
        self.weight = nn.Parameter(torch.ones(channels), requires_grad=affine)
        self.bias = nn.Parameter(torch.zeros(channels), requires_grad=affine)
        if mode == "running":
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))

    def uses_batch(self, rows: int) -> bool:
        """Whether a pass over so many rows uses the statistics of these rows, and no others."""
        layout = _layout.get()
        if self.mode == "running":
            return self.training and not layout.tracking
        alone = self.mode == "transductive" or (layout.support or rows) == rows
        return layout.groups == 1 and alone

    def forward(self, inputs: Tensor) -> Tensor:
        if self.mode == "running":
            return self._running(inputs)
        if self.uses_batch(inputs.shape[0]):
            return self._batch(inputs)
        rows = inputs.shape[0] // _layout.get().groups
        return self._grouped(inputs, rows, self._statistics_rows(rows))

    def _statistics_rows(self, rows: int) -> int:
        """How many rows of a group, from its start, make the group's statistics."""
        layout = _layout.get()
        if self.mode == "transductive" or layout.support is None:
            return rows
        if rows not in (layout.support, layout.size):
            raise UserError(
                f"norm=support: batch norm got {rows} rows of each task, which are neither its "
                f"support ({layout.support}) nor support and queries together ({layout.size}), so "
                "that their statistics are unknown: pass the support along with the queries."
            )
        return layout.support

    def _native(
        self, inputs: Tensor, mean: Tensor | None = None, var: Tensor | None = None
    ) -> Tensor:
        # Not F.batch_norm: it refuses a single value per channel, which a one-shot task may have.
        return torch.batch_norm(
            inputs, self.weight, self.bias, mean, var, True, self.momentum, self.eps, True
        )

    def _batch(self, inputs: Tensor) -> Tensor:
        if not side_by_side(inputs):
            return self._native(inputs)
        # Under vmap the second derivative of torch.batch_norm is wrong by about 0.1% (torch 2.15,
        # against finite differences), so it is written out here; as fast there, slower alone.
        dims, shape = _dims(inputs)
        centred = inputs - inputs.mean(dims, keepdim=True)
        variance = (centred * centred).mean(dims, keepdim=True)
        scale = torch.rsqrt(variance + self.eps) * self.weight.view(shape)
        return torch.addcmul(self.bias.view(shape), centred, scale)

    def _of_all_processes(self, inputs: Tensor) -> Tensor:
        """Statistics of the rows of all processes, so that they are those of the one batch."""
        dims, shape = _dims(inputs)
        mean = processes.mean(inputs.mean(dims))
        centred = inputs - mean.view(shape)
        variance = processes.mean((centred * centred).mean(dims))
        rows = inputs.numel() // inputs.shape[1] * processes.count()
        with torch.no_grad():  # the average of variances is that of unbiased ones, as torch's is
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * rows / max(rows - 1, 1), self.momentum)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return torch.addcmul(self.bias.view(shape), centred, scale.view(shape))

    def _running(self, inputs: Tensor) -> Tensor:
        if not self.training:
            mean, var = self.running_mean, self.running_var
            return torch.batch_norm(
                inputs, self.weight, self.bias, mean, var, False, 0.0, self.eps, True
            )
        if _layout.get().tracking and processes.count() > 1:
            return self._of_all_processes(inputs)
        if _layout.get().tracking:
            return self._native(inputs, self.running_mean, self.running_var)
        return self._batch(inputs)

    def _grouped(self, inputs: Tensor, rows: int, first: int) -> Tensor:
        grouped = inputs.reshape(-1, rows, inputs.shape[1], *inputs.shape[2:])
        dims = (1, *range(3, grouped.dim()))
        var, mean = torch.var_mean(grouped[:, :first], dims, correction=0, keepdim=True)
        shape = (-1, *[1] * (inputs.dim() - 2))
        scale = self.weight.view(shape) * torch.rsqrt(var + self.eps)
        return ((grouped - mean) * scale + self.bias.view(shape)).reshape(inputs.shape)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, mode={self.mode}"


def side_by_side(value: Tensor) -> bool:
    """Whether a tensor holds the values of many tasks, under vmap, at any depth of gradients."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(value):
        if functorch.is_batchedtensor(value):
            return True
        value = functorch.get_unwrapped(value)
    return False


def _dims(inputs: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions that a channel's statistics go over, and the shape of a channel's number."""
    return (0, *range(2, inputs.dim())), (-1, *[1] * (inputs.dim() - 2))


def modes(model: nn.Module) -> set[str]:
    """The modes of the model's layers; empty for a model without batch norm."""
    return {layer.mode for layer in model.modules() if isinstance(layer, TaskNorm)}


@contextmanager
def _laid_out(**changes: Any) -> Iterator[None]:
    before = _layout.set(_layout.get()._replace(**changes))
    try:
        yield
    finally:
        _layout.reset(before)


def grouped(groups: int, support: int, size: int) -> AbstractContextManager[None]:
    """While open, the rows are `groups` tasks one after the other, each with its support first.

    Arguments:
        support: rows of a task's support.
        size: rows of a task, support and queries.
    """
    return _laid_out(groups=groups, support=support, size=size)


def track() -> AbstractContextManager[None]:
    """While open, running averages follow the batches passed to layers in training mode."""
    return _laid_out(tracking=True)


def with_support(call: Callable[[Any], Tensor], inputs: Any, support: Any) -> Tensor:
    """`call(inputs)`, normalised with the statistics of `support`'s rows.

    Runs the two together and drops the support's outputs, so that nothing is stored on the side.
    """
    n = task_tools.count(support)
    with grouped(1, n, n + task_tools.count(inputs)):
        return call(task_tools.concatenate(support, inputs))[n:]
