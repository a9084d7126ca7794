"""Guarantees that hold for every algorithm, whatever its author writes.

* With `norm=support`, a query's answer never depends on the other queries, unless the learner
  declares `joint_queries`. What `adapt` yields carries the support along, and `predict` runs it in
  front of the queries, so that every batch norm of body and head finds its statistics.
* Batch norm with values of its own for each inner step knows the step of every pass.
* In tasks of unequal size, a class without support is never predicted.
* `embed` never sees the labels of queries.

`Algorithm` wraps these methods of each of its subclasses.
"""

import functools
import itertools
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.layers import layout, norm
from innerloop.layers.absent import mask_absent_classes
from innerloop.tasks import Examples, Inputs, Padded, Task

Learner = Any  #: an `Algorithm`, which imports this file
Adapt = Callable[..., Iterator[object]]
Result = TypeVar("Result")

# Whether an `adapt` is under way that carries the support along for those that it calls itself.
_carried: ContextVar[bool] = ContextVar("carried", default=False)


@dataclass(frozen=True)
class WithSupport:
    """What was adapted, and the support that `predict` needs beside it.

    Its attributes and items are those of what was adapted.

    Arguments:
        normalises: whether batch norm takes its statistics from the support.
        step: the last inner step that was taken, from 0; 0 before the first as well.
    """

    adapted: object
    support: Examples
    normalises: bool
    step: int

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # of Python's own protocols, such as copying
            raise AttributeError(name)
        return getattr(self.adapted, name)

    def __getitem__(self, key: Hashable) -> object:
        return self.adapted[key]  # type: ignore[index]

    def __iter__(self) -> Iterator[object]:
        return iter(self.adapted)  # type: ignore[call-overload]


def carries_support(adapt: Adapt) -> Adapt:
    """`adapt`, whose results know their support where `predict` needs it."""

    @functools.wraps(adapt)
    def carrying(
        self: Learner, support: Examples, steps: int, progress: Tensor
    ) -> Iterator[object]:
        path = iter(adapt(self, support, steps, progress))
        # Of embedded queries the statistics are the support's already, and joint answers must not
        # take the support for further queries.
        among_queries = self.joint_queries and self.embeds
        normalises = "support" in norm.modes(self.model) and not among_queries
        counts = any(layer.counts_steps for layer in norm.layers(self.model))
        if _carried.get() or not (normalises or counts or isinstance(support.inputs, Padded)):
            yield from path
            return
        for number in itertools.count():
            # Nothing is stepped on before the first result; the second one comes out of step 0.
            step = max(number - 1, 0)
            if (adapted := _next(path, step)) is _END:
                return
            yield WithSupport(adapted, support, normalises, step)

    return carrying


_END = object()


def _next(path: Iterator[object], step: int) -> object:
    before = _carried.set(True)
    try:
        with layout.at_step(step):
            return next(path, _END)
    finally:
        _carried.reset(before)


def uses_support(predict: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`predict`, which uses the support that was carried along."""

    @functools.wraps(predict)
    def using(self: Learner, adapted: object, inputs: Inputs) -> Tensor:
        if not isinstance(adapted, WithSupport):
            return predict(self, adapted, inputs)

        def answers(rows: Inputs) -> Tensor:
            return predict(self, adapted.adapted, rows)

        support = adapted.support
        with layout.at_step(adapted.step):
            if adapted.normalises:
                outputs = layout.with_support(answers, inputs, support.inputs)
            else:
                outputs = answers(inputs)
        return mask_absent_classes(outputs, support)

    return using


def without_support(
    weights: Callable[[Learner, Any], Result],
) -> Callable[[Learner, Any], Result]:
    """`weights`, which are those of what was adapted alone."""

    @functools.wraps(weights)
    def alone(self: Learner, adapted: object) -> Result:
        return weights(self, adapted.adapted if isinstance(adapted, WithSupport) else adapted)

    return alone


def sees_no_query_labels(embed: Callable[..., Task]) -> Callable[..., Task]:
    """`embed`, for which all queries have the label 0, and which normalises task by task."""

    @functools.wraps(embed)
    def blind(self: Learner, tasks: Task) -> Task:
        support, queries = (task_tools.count(task_tools.only(part)) for part in tasks)
        unlabelled = tree_map(torch.zeros_like, tasks.query.targets)
        hidden = Task(tasks.support, Examples(tasks.query.inputs, unlabelled))
        # A plain batch has no support: its statistics are those of all its rows.
        with layout.grouped(task_tools.count(tasks), support or queries, support + queries):
            features = embed(self, hidden)
        return Task(features.support, Examples(features.query.inputs, tasks.query.targets))

    return blind
