"""Tasks of unequal size, padded with noise, and the same tasks alone."""

import copy

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.objectives import Classification
from innerloop.tasks import PADDING, Examples, Padded, Task

SIZES = ((3, 2, 2), (3, 5, 1), (2, 3, 4))  # ways, shots, queries of each task


def single(ways: int, shots: int, queries: int, shape: tuple[int, ...]) -> Task:
    """A random task in float64 with classes shifted apart; the first class has one more shot."""

    def examples(each: int, more: int) -> Examples:
        labels = torch.cat([torch.arange(ways).repeat(each), torch.zeros(more, dtype=torch.long)])
        labels = labels[torch.randperm(len(labels))]
        noise = torch.randn(len(labels), *shape, dtype=torch.float64)
        return Examples(noise + labels.view(-1, *[1] * len(shape)), labels)

    return Task(examples(shots, 1), examples(queries, 0))


def padded(singles: list[Task]) -> Task:
    """The tasks as one batch, with rows of noise as padding at random places."""
    return Task(*[_stacked([task[part] for task in singles]) for part in (0, 1)])


def _stacked(parts: list[Examples]) -> Examples:
    rows = max(task_tools.count(part) for part in parts) + 3
    filled = [_filled(part, rows) for part in parts]
    return Examples(
        Padded(torch.stack([f.inputs.values for f in filled]),
               torch.stack([f.inputs.real for f in filled])),
        torch.stack([f.targets for f in filled]),
    )  # fmt: skip


def _filled(part: Examples, rows: int) -> Examples:
    n = task_tools.count(part)
    places = torch.randperm(rows)[:n].sort().values
    values = 10 * torch.randn(rows, *part.inputs.shape[1:], dtype=torch.float64)
    targets, real = torch.full((rows,), PADDING), torch.zeros(rows, dtype=torch.bool)
    values[places], targets[places], real[places] = part.inputs, part.targets, True
    return Examples(Padded(values, real), targets)


def narrowed(learner: Algorithm, ways: int) -> Algorithm:
    """The learner for tasks of `ways` classes: of its head, it has only what serves them."""
    twin = copy.deepcopy(learner)
    twin.objective = Classification(ways, ways)
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.data = _of_classes(name, parameter.data, ways).clone()
    return twin


def _of_classes(name: str, parameter: Tensor, ways: int) -> Tensor:
    """The part of a parameter that serves the first classes."""
    # One of Meta-Curvature's matrices is of the head's inputs, and so is WarpGrad's warp before it.
    if "head" not in name or name.endswith("head/weight/1") or "head.warp" in name:
        return parameter
    outputs = name.endswith("head/weight/0")  # Meta-Curvature's, in rows and columns
    return parameter[:ways, :ways] if outputs else parameter[:ways]


def widened(gradient: dict[str, Tensor], like: Algorithm) -> dict[str, Tensor]:
    """A narrowed learner's gradient in the full learner's shapes, with 0 for absent classes."""
    wide = {name: torch.zeros_like(p) for name, p in like.named_parameters()}
    for name, slope in gradient.items():
        wide[name][tuple(slice(size) for size in slope.shape)] = slope
    return wide
