"""Tasks with rows that only fill up a batch."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.tasks import PADDING, Examples, Padded, Task, values

ROWS = 3  #: of padding, in the support and in the query


def with_padding(batch: Task) -> Task:
    """The batch with rows of noise at the end of each task; an already padded one gets more."""
    return Task(*[_filled(examples) for examples in batch])


def _filled(examples: Examples) -> Examples:
    targets = values(examples.targets)
    tasks, rows = targets.shape[:2]
    real = torch.arange(rows + ROWS).expand(tasks, -1) < rows
    if isinstance(examples.inputs, Padded):
        real[:, :rows] = examples.inputs.real
    inputs = Padded(tree_map(_longer, values(examples.inputs)), real)
    if targets.is_floating_point():
        return Examples(inputs, Padded(_longer(targets), real))  # type: ignore[arg-type]
    labels = torch.full((tasks, ROWS), PADDING, dtype=targets.dtype)
    return Examples(inputs, torch.cat([targets, labels], 1))


def _longer(value: Tensor) -> Tensor:
    """More rows: copies of the first ones, ten times as large if they are real numbers."""
    more = value[:, [0] * ROWS]
    return torch.cat([value, 10 * more if value.is_floating_point() else more], 1)
