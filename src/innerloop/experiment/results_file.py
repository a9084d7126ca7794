"""`results.json` of a run: written at once, and again as the parts that follow are done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from innerloop.evaluation import results
from innerloop.experiment.plain import PlainDict
from innerloop.startup.warning import warn

PARTS = ("diagnostics", "audit", "figures", "loggers")  #: of every run
MISSING = "missing"  #: key of results.json: the parts that are not done; empty in the end


class ResultsFile:
    """The results of a run, and the list of the parts that are still missing from it.

    Arguments:
        content: the results; parts that follow add to them.
        file: `results.json`.
        remedy: what repeats a part that failed, such as `resume=RUN`.
        keeps: whether this process writes the file and reports failures.
    """

    def __init__(self, content: PlainDict, file: Path, remedy: str, keeps: bool) -> None:
        self.content, self.file, self.remedy, self.keeps = content, file, remedy, keeps
        content[MISSING] = list(PARTS)
        self._write()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Does a part, or a smaller one such as a figure; a failure becomes a line of warning."""
        missing = self.content[MISSING]
        was_missing = name in missing
        try:
            yield
        except Exception as error:
            if not was_missing:
                missing.append(name)
                self._write()
            if self.keeps:
                what = f"{name} of {self.file.parent}"
                warn(what, error, f"the results are kept, {self.remedy} does it again.")
        else:
            if was_missing:
                missing.remove(name)
                self._write()

    def _write(self) -> None:
        if self.keeps:
            results.write_json(self.file, self.content)
