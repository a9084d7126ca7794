"""All runs below a folder, kept up to date."""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from innerloop.errors import UserError, visible
from innerloop.evaluation.schema import RESULTS, TESTED_ON
from innerloop.live.board import Board, boards
from innerloop.live.member import Entry, Member
from innerloop.reporting.finished import Finished
from innerloop.reporting.settings import differing
from innerloop.startup.run_folder import KEPT

MARKS = {KEPT, RESULTS}  #: files that mark the folder of a run
FRESH = 0.5  #: seconds for which what was read is good enough


class Encoded(NamedTuple):
    """A run's part of the list as JSON, and what it was made from."""

    entry: Entry
    choices: dict[str, str]
    text: str


class Watch:
    """The runs below a folder; several requests may ask at once.

    Arguments:
        outputs: the folder.
    """

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs
        self.members: dict[str, Member] = {}
        self._lock, self._read = threading.RLock(), -FRESH
        self._choices: dict[str, dict[str, str]] | None = None  #: by run; None: out of date
        self._boards: tuple[object, list[Board]] = (None, [])
        self._encoded: dict[str, Encoded] = {}  #: of finished runs, by identifier

    def refresh(self) -> list[Member]:
        """The runs, newest first, after reading what has changed."""
        with self._lock:
            if time.monotonic() - self._read >= FRESH:
                known = {os.fspath(member.folder): member for member in self.members.values()}
                runs = [
                    known.get(folder) or Member(Path(folder), self.outputs)
                    for folder in started(self.outputs)
                ]
                changed = [member for member in runs if member.update()]
                if changed or len(runs) != len(known):
                    self._choices = None
                self.members = {member.id: member for member in runs}
                self._read = time.monotonic()
            return sorted(self.members.values(), key=lambda member: -member.changed)

    def member(self, identifier: str) -> Member:
        """The run with an identifier.

        Raises:
            UserError: if there is none.
        """
        self.refresh()
        with self._lock:
            if identifier not in self.members:
                raise UserError(f"no run {visible(identifier, 40)} below {self.outputs}")
            return self.members[identifier]

    def finished(self) -> list[Finished]:
        """The finished runs, oldest first."""
        return [m.finished for m in reversed(self.refresh()) if m.finished is not None]

    def entries(self) -> str:
        """The list of runs, each with the choices in which runs differ, as JSON.

        The part of a finished run is encoded once, as it does not change.
        """
        with self._lock:
            members, now = self.refresh(), time.time()
            if self._choices is None:
                self._choices = _choices(members)
            return f"[{', '.join(self._entry(m, now, self._choices[m.id]) for m in members)}]"

    def _entry(self, member: Member, now: float, choices: dict[str, str]) -> str:
        entry, known = member.entry(now), self._encoded.get(member.id)
        if known is None or known.entry is not entry or known.choices is not choices:
            text = json.dumps({**entry, "choices": choices}, allow_nan=False)
            known = self._encoded[member.id] = Encoded(entry, choices, text)
        return known.text

    def boards(self) -> list[Board]:
        """The leaderboards, computed again only after a run has finished."""
        runs = self.finished()
        key = [(run.folder, run.results.headline.mean) for run in runs]
        with self._lock:
            if self._boards[0] != key:
                self._boards = key, boards(runs, {m.folder: m.id for m in self.members.values()})
            return self._boards[1]


def started(outputs: Path) -> Iterator[str]:
    """The folders of runs; links are not followed, and a run's own folders are not searched."""
    folders = [os.fspath(outputs)]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:  # it has gone, or may not be read
            continue
        is_run = any(entry.name in MARKS for entry in entries)
        if is_run:
            yield folder
        within = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        folders += [e.path for e in within if not is_run or e.name == TESTED_ON]


def _choices(members: Sequence[Member]) -> dict[str, dict[str, str]]:
    """The choices in which runs differ, by run and dotted key."""
    rows = differing([m.values for m in members], [m.following for m in members])
    return {
        member.id: {visible(key, 80): _short(row[place]) for key, row in rows.items()}
        for place, member in enumerate(members)
    }


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return visible(text, 60)
