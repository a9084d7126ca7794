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
        content: the results; what a part finds is put in here.
        file: `results.json`.
        again: what does a part again that failed.
        more: parts beside those of every run.
        keeps: whether this process writes, and says what failed.
    """

    def __init__(
        self,
        content: dict[str, Any],
        file: Path,
        again: str,
        more: Sequence[str] = (),
        keeps: bool = True,
    ) -> None:
        self.content, self.file, self.again, self.keeps = content, file, again, keeps
        content[MISSING] = [*PARTS, *more]
        self._write()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Does a part, or a part of a part such as one figure; if it fails, one line says so."""
        before = list(self.content[MISSING])
        self.content[MISSING] = [part for part in before if part != name]
        try:
            yield
        except Exception as error:
            self.content[MISSING].append(name)
            if self.keeps:
                what = f"{name} of {self.file.parent}"
                warn(what, error, f"the results are kept, {self.again} does it again.")
        if self.content[MISSING] != before:
            self._write()

    def _write(self) -> None:
        if self.keeps:
            results.write_json(self.file, self.content)
