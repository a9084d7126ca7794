"""The progress of the work where the output is not a terminal: a line at fixed intervals."""

import time
from collections.abc import Callable
from datetime import timedelta

from innerloop.errors import visible


class Lines:
    """One piece of work, shown as one line after another.

    Arguments:
        every: parts of the work between two lines.
        clock: returns the time in seconds.
    """

    def __init__(self, every: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.every, self._clock = every, clock

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Starts a piece of work; an earlier process may have `done` parts of it."""
        self._what, self._total = what, total
        self._first, self._began, self._drawn = done, self._clock(), done

    def is_due(self, done: int) -> bool:
        """Whether a line is due; the last one is printed when the work ends."""
        return done % self.every == 0 and done < self._total

    def draw(self, done: int, rate: str = "", reached: str = "") -> None:
        """Prints a line, unless nothing was done since the last one."""
        if done == self._drawn:
            return
        self._drawn = done
        seconds = (self._clock() - self._began) / (done - self._first) * (self._total - done)
        left = f"{timedelta(seconds=round(seconds))} left"
        words = [f"{self._what} {done:,}/{self._total:,}", rate, left, reached]
        print(visible(", ".join(word for word in words if word)), flush=True)

    def end(self) -> None:
        """Does nothing; a `Bar` has to remove its drawing."""

    def stop(self) -> None:
        """Does nothing; a `Bar` has to release the terminal."""
