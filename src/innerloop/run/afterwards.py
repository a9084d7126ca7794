"""What a run owes once its results are written; each part may fail and takes nothing with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from innerloop.evaluation import results
from innerloop.startup.warning import warn

PARTS = ("diagnostics", "audit", "figures", "loggers")  #: of every run
MISSING = "missing"  #: key of results.json: the parts that are still owed; empty once all is there


class Afterwards:
    """Writes the results at once, and again whenever a part has changed them.

    Arguments:
        found: the results; what a part finds is put in here.
        file: `results.json`.
        again: what does a part again that failed.
        more: parts beside those of every run.
    """

    def __init__(
        self, found: dict[str, Any], file: Path, again: str, more: Sequence[str] = ()
    ) -> None:
        self.found, self.file, self.again = found, file, again
        found[MISSING] = [*PARTS, *more]
        results.write_json(file, found)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Does a part, or a part of a part such as one figure; if it fails, one line says so."""
        before = list(self.found[MISSING])
        self.found[MISSING] = [part for part in before if part != name]
        try:
            yield
        except Exception as error:
            self.found[MISSING].append(name)
            what = f"{name} of {self.file.parent}"
            warn(what, error, f"the results are kept, {self.again} does it again.")
        if self.found[MISSING] != before:
            results.write_json(self.file, self.found)
