"""The frozen test protocol: which tasks, drawn how, scored where; named by a short hash."""

import hashlib
import json
from typing import Any

from innerloop.tasks import Episode


def protocol(
    fingerprint: str,
    split: str,
    episode: Episode,
    tasks: int,
    seed: int,
    scored_step: int | None,
    selected_by: str,
) -> dict[str, Any]:
    """What two results must share to be comparable, as `results.json` holds it.

    Arguments:
        fingerprint: names the split's contents, from the data set.
        episode: sizes of a test task.
        seed: of the test list.
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
