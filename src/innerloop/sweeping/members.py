"""The folders of a sweep's members: whether each is finished, running, or failed and why."""

import json
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from innerloop.errors import UserError, visible
from innerloop.machine.files import write_whole
from innerloop.machine.foreign import find, there
from innerloop.machine.lock import is_held
from innerloop.machine.mappings import read_json
from innerloop.startup.command import explain

UNFINISHED = "unfinished.json"  #: exists while a member is not finished, and says why
DONE = "results.json"
RUNNING = "is running"
SILENT_END = "its process ended silently: killed, out of memory, or the machine stopped"


class Unfinished(NamedTuple):
    """A member that started and did not finish."""

    folder: Path
    command: str
    reason: str


def folders(sweep: Path) -> list[Path]:
    """The folders of the members that have started, in the order of their numbers."""
    started = {file.parent for file in find(sweep, (UNFINISHED, DONE).__contains__)} - {sweep}
    # Folders inside a member hold its tests on other data sets.
    outermost = [folder for folder in started if not started.intersection(folder.parents)]
    return sorted(outermost, key=lambda folder: _natural(str(folder.relative_to(sweep))))


def unfinished(folder: Path) -> Unfinished | None:
    """The member of a folder and why it is not finished; None if it is finished."""
    if not there(folder / UNFINISHED):
        return None
    try:
        content = read_json(folder / UNFINISHED)
    except UserError as error:
        content = {"reason": error}
    why = RUNNING if running(folder) else visible(content.get("reason", SILENT_END))
    return Unfinished(folder, visible(content.get("command", "of an unknown command")), why)


def running(folder: Path) -> bool:
    """Whether a process is at work on a member."""
    return is_held(folder)


@contextmanager
def reason_kept(folder: Path, command: str) -> Iterator[None]:
    """While open, the folder says that the member is not finished; an error leaves its reason.

    A first reason is written at the start, because a killed process cannot write.
    """
    write_reason(folder, command, SILENT_END)
    try:
        yield
    except BaseException as error:
        write_reason(folder, command, reason(error), "".join(traceback.format_exception(error)))
        raise
    (folder / UNFINISHED).unlink(missing_ok=True)


def write_reason(folder: Path, command: str, why: str, details: str | None = None) -> None:
    """Writes why a member is not finished.

    Arguments:
        why: the reason, in a line.
        details: the traceback, if there is one.
    """
    content = {"command": command, "reason": why, "traceback": details}
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
    """A key that sorts 2_run before 10_run."""
    return [(int(part or 0), text) for part, text in re.findall(r"(\d*)(\D*)", name)]
