"""What a run owes once its results are written; each part may fail and takes nothing with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from innerloop.evaluation.results import write_json
from innerloop.startup.warning import warn

PARTS = ("diagnostics", "audit", "figures", "loggers")  #: of every run
MISSING = "missing"  #: key of results.json: the parts that are still owed; empty once all is there


class Afterwards:
    """Writes the results at once, and again whenever a part has changed them.

    Arguments:
        results: what a part finds is put in here.
        file: `results.json`.
        again: what does a part again that failed.
        more: parts beside those of every run.
        keeps: whether this process writes, and says what failed.
    """

    def __init__(
        self,
        results: dict[str, Any],
        file: Path,
        again: str,
        more: Sequence[str] = (),
        keeps: bool = True,
    ) -> None:
        self.results, self.file, self.again, self.keeps = results, file, again, keeps
        results[MISSING] = [*PARTS, *more]
        self._write()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Does a part, or a part of a part such as one figure; if it fails, one line says so."""
        before = list(self.results[MISSING])
        self.results[MISSING] = [part for part in before if part != name]
        try:
            yield
        except Exception as error:
            self.results[MISSING].append(name)
            if self.keeps:
                what = f"{name} of {self.file.parent}"
                warn(what, error, f"the results are kept, {self.again} does it again.")
        if self.results[MISSING] != before:
            self._write()

    def _write(self) -> None:
        if self.keeps:
            write_json(self.file, self.results)
