"""Where the packs of a data set are stored."""

import hashlib
import json
import os
from pathlib import Path

from innerloop.data.packs.record import Recipe
from innerloop.machine.files import cache_folder


def name_of(recipe: Recipe) -> str:
    """The name of the folder of the pack that a recipe makes."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def pack_folder(data: Path, name: str) -> Path:
    """The folder of a data set's packs: next to the data, or in a cache if that is read-only.

    Arguments:
        data: folder of the data set.
        name: of the data set.
    """
    beside = data / "packed"
    nearest = next(p for p in (beside, *beside.parents) if p.exists())
    if os.access(nearest, os.W_OK):
        return beside
    place = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return cache_folder() / f"{name}-{place}"
