"""Batch normalisation whose statistics are named: transductive, support, running or per_step.

`transductive`: the statistics of whatever batch is passed, in training and in test (Finn et al.
2017). `support`: the support's statistics serve its queries too, so a query's answer never depends
on the others. `running`: the batch's statistics in training, running averages in test (Ioffe and
Szegedy 2015); the outer loop updates the averages, once per batch of tasks, by `layout.track`.
`per_step`: as `running`, with averages of their own for each inner step (Antoniou et al. 2019); a
step's averages serve its support, and the queries after it. Steps beyond those of the training use
the last averages.

A layer changes no state unless `layout.track` allows it, so that tasks can run side by side. Rows
that only fill up a batch count nowhere. `innerloop.algorithms.promises` declares the layout of the
rows for every algorithm.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers import layout
from innerloop.layers.statistics import moments, numbers, side_by_side
from innerloop.machine import processes

MODES = ("transductive", "support", "running", "per_step")
AVERAGED = ("running", "per_step")  #: modes with running averages

_written_out: ContextVar[bool] = ContextVar("written_out", default=False)


@contextmanager
def written_out(now: bool = True) -> Iterator[None]:
    """While open, batch norm is made of plain operations, whose forward derivatives are right."""
    before = _written_out.set(now)
    try:
        yield
    finally:
        _written_out.reset(before)


class TaskNorm(nn.Module):
    r"""Normalises each channel of `(rows, channels, ...)`, then scales and shifts it:
    :math:`y = \gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta`.

    Arguments:
        channels: size of dimension 1.
        mode: one of `MODES`.
        momentum: weight of a new batch in the running averages.
        affine: whether scale and shift are learned.

    Raises:
        UserError: for another mode.

    Example:
        >>> TaskNorm(1, "transductive")(torch.tensor([[1.0], [3.0]])).round().flatten().tolist()
        [-1.0, 1.0]
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
        if mode in AVERAGED:
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))

    def separate_steps(self, steps: int, scales: bool = False) -> None:
        """Gives each inner step running averages of its own, if the mode is `per_step`.

        Arguments:
            steps: inner steps of training.
            scales: whether each step gets a scale and a shift of its own, whatever the mode.
        """

        def separate(values: Tensor) -> Tensor:
            return values.detach().reshape(-1, values.shape[-1])[:1].repeat(max(steps, 1), 1)

        if self.mode == "per_step":
            self.running_mean, self.running_var = map(
                separate, (self.running_mean, self.running_var)
            )
        if scales:
            learned = self.weight.requires_grad
            self.weight = nn.Parameter(separate(self.weight), requires_grad=learned)
            self.bias = nn.Parameter(separate(self.bias), requires_grad=learned)

    def statistics(self, inputs: Tensor) -> Tensor:
        """Mean and unbiased variance of each channel of the real rows, `(2, channels)`."""
        grouped, real = inputs[None], self._real(inputs.shape[0])
        real = None if real is None else real[None]
        mean, variance = moments(grouped, real)
        number = numbers(grouped, real)
        unbiased = variance * number / (number - 1).clamp(min=1)
        return torch.stack([mean.flatten(), unbiased.flatten()])

    def follow(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running averages towards statistics of their shape, over all processes."""
        self.running_mean.lerp_(processes.mean(mean), self.momentum)
        self.running_var.lerp_(processes.mean(variance), self.momentum)

    @property
    def counts_steps(self) -> bool:
        """Whether a pass depends on the number of the inner step."""
        return self.mode == "per_step" or self.weight.dim() == 2

    @property
    def scale(self) -> Tensor:
        """The scale of the inner step under way, `(channels,)`."""
        return _of_step(self.weight)

    @property
    def shift(self) -> Tensor:
        """The shift of the inner step under way, `(channels,)`."""
        return _of_step(self.bias)

    def uses_batch(self, rows: int) -> bool:
        """Whether a pass over so many rows uses the statistics of these rows, and no others."""
        now = layout.current()
        if now.real is not None:
            return False
        if self.mode in AVERAGED:
            return self.training and not now.tracking
        alone = self.mode == "transductive" or (now.support or rows) == rows
        return now.groups == 1 and alone

    def forward(self, inputs: Tensor) -> Tensor:
        if self.uses_batch(inputs.shape[0]):
            return self._by_batch(inputs)
        if self.mode in AVERAGED:
            return self._by_averages(inputs)
        groups = layout.current().groups
        return self._by_group(inputs, groups, self._statistics_rows(inputs.shape[0] // groups))

    def _statistics_rows(self, rows: int) -> int:
        """How many rows of a group, from its start, make the group's statistics."""
        now = layout.current()
        if self.mode == "transductive" or now.support is None:
            return rows
        if rows not in (now.support, now.size):
            raise UserError(
                f"norm=support: batch norm got {rows} rows of each task, which are neither its "
                f"support ({now.support}) nor support and queries together ({now.size}), so "
                "that their statistics are unknown: pass the support along with the queries."
            )
        return now.support

    def _native(
        self, inputs: Tensor, mean: Tensor | None = None, var: Tensor | None = None
    ) -> Tensor:
        # Not F.batch_norm: it refuses a single value per channel, which a one-shot task may have.
        return torch.batch_norm(
            inputs, self.scale, self.shift, mean, var, True, self.momentum, self.eps, True
        )

    def _by_batch(self, inputs: Tensor) -> Tensor:
        if not (side_by_side(inputs) or _written_out.get()):
            return self._native(inputs)
        # Under vmap the second derivative of torch.batch_norm is wrong by about 0.1% (torch 2.15,
        # against finite differences), so it is written out here; as fast there, slower alone.
        dims = (0, *range(2, inputs.dim()))
        centred = inputs - inputs.mean(dims, keepdim=True)
        variance = (centred * centred).mean(dims, keepdim=True)
        scale = torch.rsqrt(variance + self.eps) * self._by_channel(self.scale, inputs)
        return torch.addcmul(self._by_channel(self.shift, inputs), centred, scale)

    def _by_group(self, inputs: Tensor, groups: int, first: int) -> Tensor:
        """Normalises each group of rows by the statistics of its first rows."""
        grouped = inputs.reshape(groups, -1, *inputs.shape[1:])
        real = self._real(inputs.shape[0])
        real = None if real is None else real.reshape(groups, -1)[:, :first]
        mean, variance = moments(grouped[:, :first], real)
        return self._scaled(grouped, mean, variance).reshape(inputs.shape)

    def _by_averages(self, inputs: Tensor) -> Tensor:
        """Running averages in test; in training the statistics that they follow."""
        mean, var = _of_step(self.running_mean), _of_step(self.running_var)
        if not self.training and _written_out.get():
            fixed = [self._by_channel(values, inputs) for values in (mean, var)]
            return self._scaled(inputs[None], *fixed)[0]
        if not self.training:
            return torch.batch_norm(
                inputs, self.scale, self.shift, mean, var, False, 0.0, self.eps, True
            )
        if not layout.current().tracking:
            return self._by_group(inputs, 1, inputs.shape[0])
        if layout.current().real is None and processes.count() == 1:
            return self._native(inputs, mean, var)
        return self._tracked(inputs)

    def _tracked(self, inputs: Tensor) -> Tensor:
        """Normalises by the real rows of all processes, which the running averages then follow."""
        grouped, real = inputs[None], self._real(inputs.shape[0])
        real = None if real is None else real[None]
        own = numbers(grouped, real)
        share = own / processes.mean(own)  # of a process among equals
        mean = processes.mean(share * moments(grouped, real)[0])
        variance = processes.mean(share * moments(grouped, real, mean)[1])
        number = processes.mean(own) * processes.count()
        with torch.no_grad():
            unbiased = variance * number / (number - 1).clamp(min=1)
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(unbiased.flatten(), self.momentum)
        return self._scaled(grouped, mean, variance)[0]

    def _real(self, rows: int) -> Tensor | None:
        real = layout.current().real
        if real is not None and len(real) != rows:
            raise UserError(
                f"Batch norm got {rows} rows of a task of {len(real)}: in tasks of unequal size a "
                "model must keep one row for each example in front of its batch norm."
            )
        return real

    def _scaled(self, grouped: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        one = grouped[0]
        scale = self._by_channel(self.scale, one) * torch.rsqrt(variance + self.eps)
        return (grouped - mean) * scale + self._by_channel(self.shift, one)

    def _by_channel(self, values: Tensor, inputs: Tensor) -> Tensor:
        return values.view(-1, *[1] * (inputs.dim() - 2))

    def extra_repr(self) -> str:
        return f"{self.weight.shape[-1]}, mode={self.mode}"


def _of_step(values: Tensor) -> Tensor:
    """The values `(channels,)` of the inner step under way, out of one row or `(steps, channels)`;
    those of the last step for any beyond it."""
    if values.dim() == 1:
        return values
    return values[min(layout.current().step, len(values) - 1)]


def layers(model: nn.Module) -> list[TaskNorm]:
    """The model's layers of batch norm."""
    return [layer for layer in model.modules() if isinstance(layer, TaskNorm)]


def averages(model: nn.Module) -> list[Tensor]:
    """The running averages of the model's layers."""
    averaged = [layer for layer in layers(model) if layer.mode in AVERAGED]
    return [values for layer in averaged for values in (layer.running_mean, layer.running_var)]


def modes(model: nn.Module) -> set[str]:
    """The modes of the model's layers; empty for a model without batch norm."""
    return {layer.mode for layer in layers(model)}


def separate_steps(model: nn.Module, steps: int, scales: bool = False) -> None:
    """Tells the model's layers how many inner steps there are, see `TaskNorm.separate_steps`."""
    for layer in layers(model):
        layer.separate_steps(steps, scales)
