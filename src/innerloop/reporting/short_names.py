"""Short names of runs, such as `3f2a`, for people who type them."""

import hashlib
from collections.abc import Sequence

from innerloop.errors import UserError
from innerloop.reporting.finished import Finished

LETTERS = 4  #: of a short name, if no other run begins with the same


def short_names(runs: Sequence[Finished]) -> list[str]:
    """The beginning of each run's hash, as long as it takes to tell these runs apart."""
    hashes = [_hash(run) for run in runs]
    return [
        next(own[:n] for n in range(LETTERS, len(own) + 1) if _starting(own[:n], hashes) == 1)
        for own in hashes
    ]


def named(name: str, runs: Sequence[Finished]) -> Finished | None:
    """The run with a short name; None if there is none.

    Raises:
        UserError: if several runs begin with it.
    """
    those = [run for run in runs if len(name) >= LETTERS and _hash(run).startswith(name)]
    if len(those) > 1:
        folders = " and ".join(str(run.folder) for run in those[:2])
        raise UserError(f"{name} is the short name of {folders}: give more letters, or a folder.")
    return those[0] if those else None


def _hash(run: Finished) -> str:
    return hashlib.sha256(str(run.folder.resolve()).encode()).hexdigest()


def _starting(name: str, hashes: Sequence[str]) -> int:
    return sum(own.startswith(name) for own in set(hashes))
