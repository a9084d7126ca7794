"""The published class lists, which say which classes are in which split."""

import json
from importlib import resources

from innerloop.data.source import SPLITS

FOLDER = resources.files("innerloop.data") / "splits"


def class_lists(name: str) -> dict[str, list[str]]:
    """Names of the classes of each split.

    Arguments:
        name: of the list, a file `innerloop/data/splits/NAME.json`.
    """
    lists = json.loads((FOLDER / f"{name}.json").read_text())
    return {split: lists[split] for split in SPLITS}


def splits_of(name: str) -> list[str]:
    """Whose splits of a data set there are: the files `innerloop/data/splits/NAME_SPLIT.json`."""
    files = [file.name.removesuffix(".json") for file in FOLDER.iterdir()]
    return sorted(f.removeprefix(f"{name}_") for f in files if f.startswith(f"{name}_"))


def by_number(name: str) -> dict[int, str]:
    """The classes of all splits by the number with which they begin, as in `005.english marigold`.

    Arguments:
        name: as of `class_lists`.
    """
    every = [entry for names in class_lists(name).values() for entry in names]
    return {int(entry.partition(".")[0]): entry for entry in every}
