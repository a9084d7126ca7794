"""Two lines at the bottom of a terminal: the progress of the work, and its latest numbers."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

PAUSE = 0.25  #: seconds between two drawings
LOGS = ("", "lightning.pytorch", "torch")  #: loggers that may write while the bar is drawn


class Bar:
    """Pieces of work, such as a training and a validation within it, with a bar each.

    Lines printed meanwhile appear above it. It is not drawn by a thread: data loaders fork this
    process, and a fork during a drawing would inherit rich's lock in the locked state.

    Arguments:
        console: the terminal.
        clock: returns the time in seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}", justify="right"),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), TextColumn("left"),
            console=console, expand=True, auto_refresh=False, get_time=clock,
        )  # fmt: skip
        self._live: Live | None = None  # a new one for each first piece of work
        self._clock, self._next = clock, -float("inf")
        self._moved: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Starts a piece of work.

        Arguments:
            what: its name.
            total: parts of it; for a single part no count is shown.
            done: parts that an earlier process has done.
        """
        if self._live is None:
            self._live = Live(console=self._work.console, auto_refresh=False)
            self._live.start()
            self._redirect_logs()
        self._work.add_task(what, total=total, completed=done, rate="", count="")

    def is_due(self, done: int) -> bool:
        """Whether enough time has passed since the last drawing."""
        return self._clock() >= self._next

    def draw(self, done: int, rate: str = "", reached: str = "") -> None:
        """Draws the piece of work that began last.

        Arguments:
            done: parts of it that are done.
            rate: the speed, in words.
            reached: the second line.
        """
        task = self._work.tasks[-1]
        count = "" if task.total == 1 else f"{done:,}/{task.total:,}"
        self._work.update(task.id, completed=done, rate=rate, count=count)
        below = Text(reached, no_wrap=True, overflow="ellipsis")
        if self._live is not None:
            self._live.update(Group(self._work, below) if reached else self._work, refresh=True)
        self._next = self._clock() + PAUSE

    def end(self, keep: bool = True) -> None:
        """Ends the piece of work that began last.

        Arguments:
            keep: whether the last drawing of the outermost one stays on the screen.
        """
        if len(self._work.task_ids) == 1:
            self.stop(keep)
        else:
            self._work.remove_task(self._work.task_ids[-1])

    def stop(self, keep: bool = True) -> None:
        """Ends all work, and releases the terminal."""
        if self._live is not None:
            self._live.transient = not keep
            self._live.stop()
            self._live = None
        for task in self._work.task_ids:
            self._work.remove_task(task)
        while self._moved:
            handler, stream = self._moved.pop()
            handler.setStream(stream)

    def _redirect_logs(self) -> None:
        """Sends logs above the bar: older handlers do not use the stream that rich replaces."""
        for handler in [handler for name in LOGS for handler in logging.getLogger(name).handlers]:
            if isinstance(handler, logging.StreamHandler) and _is_terminal(handler.stream):
                self._moved.append((handler, handler.stream))
                handler.setStream(sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether a log goes to the terminal; a log file may not be open yet."""
    return stream is not None and not stream.closed and stream.isatty()
