"""How the rows of a forward pass are laid out, so that layers know which belong together.

Rows are the examples of a pass. They may belong to several tasks, begin with a support set, and
include rows that only fill up a batch (`innerloop.tasks.Padded`). The caller of a network declares
this with the context managers below, and the layers read it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.tasks import Inputs, Padded


class Layout(NamedTuple):
    """The rows of the forward pass under way."""

    groups: int = 1  #: tasks that lie one after the other in the rows
    support: int | None = None  #: rows at the start of each group that are its support
    size: int | None = None  #: rows of a group, support and queries
    tracking: bool = False  #: whether running averages follow this pass
    real: Tensor | None = None  #: `(rows,)` which of the rows count; None for all
    step: int = 0  #: the inner step under way or, for queries, the last one taken, from 0


_layout: ContextVar[Layout] = ContextVar("layout", default=Layout())  # noqa: B039, immutable


def current() -> Layout:
    """The layout of the forward pass under way."""
    return _layout.get()


@contextmanager
def _set(layout: Layout) -> Iterator[None]:
    before = _layout.set(layout)
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
    return _set(current()._replace(groups=groups, support=support, size=size))


def track() -> AbstractContextManager[None]:
    """While open, running averages follow the batches passed to layers in training mode."""
    return _set(current()._replace(tracking=True))


def at_step(number: int) -> AbstractContextManager[None]:
    """While open, the pass belongs to the inner step of this number, from 0."""
    return _set(current()._replace(step=number))


def call_opened(module: Callable[[Inputs], Tensor], inputs: Inputs) -> Tensor:
    """`module(inputs)`; of padded inputs it gets the values, and layers count the real rows alone.

    This is the one place that opens `Padded` inputs.
    """
    if not isinstance(inputs, Padded):
        return module(inputs)
    with _set(current()._replace(real=inputs.real)):
        return module(inputs.values)


def with_support(call: Callable[[Inputs], Tensor], inputs: Inputs, support: Inputs) -> Tensor:
    """`call(inputs)`, normalised with the statistics of `support`'s rows.

    Runs the two together and drops the support's outputs, so that nothing is stored on the side.
    """
    n = task_tools.count(support)
    with grouped(1, n, n + task_tools.count(inputs)):
        return call(task_tools.concatenate(support, inputs))[n:]
