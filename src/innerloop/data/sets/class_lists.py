"""The published class lists, which say which classes are in which split."""

import json
from importlib import resources

from innerloop.data.source import SPLITS


def class_lists(name: str) -> dict[str, list[str]]:
    """Names of the classes of each split.

    Arguments:
        name: of the list, a file `innerloop/data/splits/NAME.json`.
    """
    file = resources.files("innerloop.data") / "splits" / f"{name}.json"
    lists = json.loads(file.read_text())
    return {split: lists[split] for split in SPLITS}
