"""What holds for every algorithm, whatever its author writes.

* With `norm=support`, a query's answer never depends on the other queries: what `adapt` yields
  carries the support along, and `predict` runs it in front of the queries, so that every batch norm
  of body and head finds its statistics.
* `embed` never sees the labels of queries.

`Algorithm` wraps these methods of each of its subclasses.
"""

import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.layers import norm
from innerloop.tasks import Examples, Task

# Whether an `adapt` is under way that carries the support along for those that it calls itself.
_carried: ContextVar[bool] = ContextVar("carried", default=False)


@dataclass(frozen=True)
class WithSupport:
    """What was adapted, and the inputs of the support that batch norm needs beside it.

    Its attributes and items are those of what was adapted.
    """

    adapted: Any
    support: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of Python's own protocols, such as copying
            raise AttributeError(name)
        return getattr(self.adapted, name)

    def __getitem__(self, key: Any) -> Any:
        return self.adapted[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.adapted)


def carries_support(adapt: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """`adapt`, whose results know their support where batch norm needs it."""

    @functools.wraps(adapt)
    def carrying(self: Any, support: Examples, steps: int, progress: Tensor) -> Iterator[Any]:
        path = iter(adapt(self, support, steps, progress))
        if _carried.get() or "support" not in norm.modes(self.model):
            yield from path
            return
        while (adapted := _next(path)) is not _END:
            yield WithSupport(adapted, support.inputs)

    return carrying


_END = object()


def _next(path: Iterator[Any]) -> Any:
    before = _carried.set(True)
    try:
        return next(path, _END)
    finally:
        _carried.reset(before)


def uses_support(predict: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`predict`, which normalises with the statistics of the support that was carried along."""

    @functools.wraps(predict)
    def using(self: Any, adapted: Any, inputs: Any) -> Tensor:
        if not isinstance(adapted, WithSupport):
            return predict(self, adapted, inputs)
        return norm.with_support(
            lambda rows: predict(self, adapted.adapted, rows), inputs, adapted.support
        )

    return using


def without_support(weights: Callable[..., Any]) -> Callable[..., Any]:
    """`weights`, which are those of what was adapted alone."""

    @functools.wraps(weights)
    def alone(self: Any, adapted: Any) -> Any:
        return weights(self, adapted.adapted if isinstance(adapted, WithSupport) else adapted)

    return alone


def sees_no_query_labels(embed: Callable[..., Task]) -> Callable[..., Task]:
    """`embed`, for which all queries have the label 0, and which normalises task by task."""

    @functools.wraps(embed)
    def blind(self: Any, tasks: Task) -> Task:
        targets = tasks.query.targets
        support, queries = (task_tools.count(task_tools.only(part)) for part in tasks)
        hidden = Task(tasks.support, Examples(tasks.query.inputs, torch.zeros_like(targets)))
        # A plain batch has no support: its statistics are those of all its rows.
        with norm.grouped(task_tools.count(tasks), support or queries, support + queries):
            features = embed(self, hidden)
        return Task(features.support, Examples(features.query.inputs, targets))

    return blind
