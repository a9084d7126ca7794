"""Work that takes a while outside training and tests, with a bar of its own at a terminal."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from rich.console import Console

from innerloop.machine import lock
from innerloop.machine.bar import Bar

Part = TypeVar("Part")


@cache
def bar() -> Bar:
    """The bar of this process; only the first process of a run, at a terminal, draws one."""
    console = Console()
    draws = console.is_terminal and lock.first_process()
    return Bar(console if draws else Console(quiet=True, force_terminal=False))


@contextmanager
def working(what: str, total: int = 1) -> Iterator[Bar]:
    """Shows a piece of work, which may be a part of another, until it is done.

    Arguments:
        what: its name.
        total: parts of it; the block calls `draw` with those that are done.
    """
    shown = bar()
    shown.begin(what, total)
    shown.draw(0)
    try:
        yield shown
    finally:
        shown.end(keep=False)


def each(what: str, parts: Iterable[Part], total: int) -> Iterator[Part]:
    """The parts one after another, as a bar shows how many are done.

    Arguments:
        what: the name of the work.
        parts: what is worked on.
        total: the number of parts.
    """
    with working(what, total) as shown:
        for done, part in enumerate(parts, 1):
            yield part
            if shown.is_due(done):
                shown.draw(done)
