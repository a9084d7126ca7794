"""What a run owes once its results are written; each part may fail and takes nothing with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from innerloop.evaluation import results
from innerloop.startup.warning import warn

PARTS = ("diagnostics", "audit", "figures", "loggers")  #: of every run
MISSING = "missing"  #: key of results.json: the parts that are still owed; empty once all is there


class Afterwards:
    """Writes the results at once, and again whenever what is owed has changed.

    Arguments:
        content: the results; what a part finds is put in here.
        file: `results.json`.
        again: what does a part again that failed.
        keeps: whether this process writes, and says what failed.
    """

    def __init__(self, content: dict[str, Any], file: Path, again: str, keeps: bool) -> None:
        self.content, self.file, self.again, self.keeps = content, file, again, keeps
        content[MISSING] = list(PARTS)
        self._write()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Does a part, or a part of a part such as one figure; if it fails, one line says so."""
        missing = self.content[MISSING]
        owed = name in missing
        try:
            yield
        except Exception as error:
            if not owed:
                missing.append(name)
                self._write()
            if self.keeps:
                what = f"{name} of {self.file.parent}"
                warn(what, error, f"the results are kept, {self.again} does it again.")
        else:
            if owed:
                missing.remove(name)
                self._write()

    def _write(self) -> None:
        if self.keeps:
            results.write_json(self.file, self.content)
