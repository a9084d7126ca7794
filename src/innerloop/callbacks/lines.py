"""How far the work is where the output is no terminal: a line now and then."""

import time
from collections.abc import Callable
from datetime import timedelta

from innerloop.errors import visible


class Lines:
    """One piece of work, drawn as lines that come one after another.

    Arguments:
        every: parts of the work between two lines.
        clock: says the seconds.
    """

    def __init__(self, every: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.every, self._clock = every, clock

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Starts a piece of work, of which some may have been done by an earlier process."""
        self._what, self._total = what, total
        self._first, self._began, self._drawn = done, self._clock(), done

    def is_due(self, done: int) -> bool:
        """Whether a line is due; the last one comes when the work ends."""
        return done % self.every == 0 and done < self._total

    def draw(self, done: int, rate: str = "", reached: str = "") -> None:
        """Prints a line, unless it would say what the last one said."""
        if done == self._drawn:
            return
        self._drawn = done
        seconds = (self._clock() - self._began) / (done - self._first) * (self._total - done)
        left = f"{timedelta(seconds=round(seconds))} left"
        words = [f"{self._what} {done}/{self._total}", rate, left, reached]
        print(visible(", ".join(word for word in words if word)), flush=True)

    def end(self) -> None:
        """Nothing remains to be done."""

    def stop(self) -> None:
        """Nothing has to be put back."""
