"""The frozen test protocol: which tasks, how they are drawn and when they are scored."""

import hashlib
import json
from typing import TypedDict

from innerloop.tasks import Episode


class ProtocolRecord(TypedDict):
    """What two results must share to be comparable, as `results.json` holds it."""

    split: str
    tasks: int
    seed: int
    scored_step: int | None
    selected_by: str
    hash: str


def protocol(
    fingerprint: str,
    split: str,
    episode: Episode,
    tasks: int,
    seed: int,
    scored_step: int | None,
    selected_by: str,
) -> ProtocolRecord:
    """The record of a protocol, with a short hash of all that determines the tasks.

    Arguments:
        fingerprint: the data set's name for the contents of the split.
        split: the split that the tasks are drawn from.
        episode: sizes of a test task.
        tasks: number of test tasks.
        seed: seed of the list of test tasks.
        scored_step: inner step of the headline number; None for learners without steps.
        selected_by: the validation metric that chose the checkpoint.
    """
    drawn = [fingerprint, split, *episode.record().values(), tasks, seed]
    return {
        "split": split,
        "tasks": tasks,
        "seed": seed,
        "scored_step": scored_step,
        "selected_by": selected_by,
        "hash": hashlib.sha256(json.dumps(drawn).encode()).hexdigest()[:12],
    }
