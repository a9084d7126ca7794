"""Members of a sweep, by what their folders say: done, running, or unfinished and why."""

import json
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from innerloop.errors import UserError, visible
from innerloop.machine.files import write_whole
from innerloop.machine.foreign import find, there
from innerloop.machine.lock import is_held
from innerloop.machine.mappings import read_json
from innerloop.startup.command import explain

UNFINISHED = "unfinished.json"  #: there from a member's start until it is done: why it is not
DONE = "results.json"
RUNNING = "is running"
SILENT_END = "its process ended without a word: killed, out of memory, or the machine stopped"


class Unfinished(NamedTuple):
    """A member that started and did not finish."""

    folder: Path
    command: str
    reason: str


def folders(sweep: Path) -> list[Path]:
    """The folders of the members that have started, by their numbers."""
    found = {file.parent for file in find(sweep, (UNFINISHED, DONE).__contains__)} - {sweep}
    # What lies within a member is the results of its tests on other data sets.
    outermost = [folder for folder in found if not found.intersection(folder.parents)]
    return sorted(outermost, key=lambda folder: _natural(str(folder.relative_to(sweep))))


def unfinished(folder: Path) -> Unfinished | None:
    """Why the member of a folder is not done; None if it is."""
    if not there(folder / UNFINISHED):
        return None
    try:
        found = read_json(folder / UNFINISHED)
    except UserError as error:
        found = {"reason": error}
    why = RUNNING if running(folder) else visible(found.get("reason", SILENT_END))
    return Unfinished(folder, visible(found.get("command", "of an unknown command")), why)


def running(folder: Path) -> bool:
    """Whether a process is at work on a member."""
    return is_held(folder)


@contextmanager
def recorded(folder: Path, command: str) -> Iterator[None]:
    """Leaves the reason in the folder if what is inside does not reach its end.

    It is written beforehand too: a killed process writes nothing any more.
    """
    note(folder, command, SILENT_END)
    try:
        yield
    except BaseException as error:
        note(folder, command, reason(error), "".join(traceback.format_exception(error)))
        raise
    (folder / UNFINISHED).unlink(missing_ok=True)


def note(folder: Path, command: str, why: str, details: str | None = None) -> None:
    """Writes why a member is not done."""
    content: dict[str, Any] = {"command": command, "reason": why, "traceback": details}
    write_whole(folder / UNFINISHED, json.dumps(content, indent=2) + "\n")


def reason(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128:
        return f"stopped by {signal.Signals(error.code - 128).name}"
    if isinstance(error, KeyboardInterrupt):
        return "stopped by the keyboard"
    words = explain(error) or f"{type(error).__name__}: {error}"
    return visible(" ".join(words.split()))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts 2_run before 10_run."""
    return [(int(part or 0), text) for part, text in re.findall(r"(\d*)(\D*)", name)]
