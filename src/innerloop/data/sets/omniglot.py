"""Omniglot: 1623 handwritten characters, 20 drawings of each (Lake et al. 2015)."""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from innerloop.data.download import fetch
from innerloop.data.images import ImageClasses
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.card import card
from innerloop.data.source import SPLITS
from innerloop.errors import UserError

MOST = 2**28  #: bytes of a zip
MOST_OF_IMAGE = 2**20  #: bytes of an image in it
READING = Reading(28, 1, ink=True)
Drawings = dict[str, tuple[Path, list[str]]]  #: for each character, its zip and names in it


class Omniglot(ImageClasses):
    """Characters at 28x28, ink 1 on background 0; quarter-turns are further classes.

    The split into 1028, 172 and 423 characters is that of Vinyals et al. 2016, as in the class
    lists of jakesnell/prototypical-networks (MIT) without their rotations. Images are resized with
    Lanczos' filter.

    The split `lake` is that of Lake et al., as Meta-Dataset uses it: the test has the 20 alphabets
    of the evaluation set, and the validation the five smallest alphabets of the background set.

    Arguments:
        data_dir: folder of all data sets; the two zips are read from `data_dir/omniglot`.
        on_device: see `ImageClasses`.
        split: `vinyals` or `lake`.
        rotations: whether quarter-turns are further classes.

    Raises `UserError` for another split.
    """

    def __init__(
        self,
        data_dir: str,
        on_device: bool | str = "auto",
        split: str = "vinyals",
        rotations: bool = True,
    ) -> None:
        if split not in ("vinyals", "lake"):
            raise UserError(f"dataset.split={split}: omniglot has the splits vinyals and lake.")
        folder = Path(data_dir) / "omniglot"
        super().__init__("omniglot", folder, rotations=rotations, on_device=on_device)
        self.reading, self.split = READING, split

    @property
    def recipe(self) -> Recipe:
        return {"split": self.split, "size": 28, "filter": "lanczos", "ink": 255}

    def groups(self, split: str) -> np.ndarray:
        """The number of each character's alphabet, `(classes,)`."""
        alphabets = [name.partition("/")[0] for name in self.pack.classes(split)]
        return np.unique(alphabets, return_inverse=True)[1]

    def read(self) -> Mapping[str, Classes]:
        paths = fetch(card("omniglot").files, self.folder, "Omniglot", MOST)
        drawings: Drawings = {}
        for path in paths:
            for name in sorted(_names(path)):
                _, _, character = name.rsplit("/", 1)[0].partition("/")
                drawings.setdefault(character, (path, []))[1].append(name)
        lists = _lake(drawings) if self.split == "lake" else {s: _class_list(s) for s in SPLITS}
        _check({c: len(names) for c, (_, names) in drawings.items()}, lists, self.folder)
        return {split: _characters(names, drawings) for split, names in lists.items()}


def _class_list(split: str) -> list[str]:
    """Names of the characters of a split of Vinyals et al."""
    file = resources.files("innerloop.data") / "splits" / f"omniglot_vinyals_{split}.txt"
    return file.read_text().split()


def _lake(drawings: Drawings) -> dict[str, list[str]]:
    """Names of the characters of each split of Lake et al. with Meta-Dataset's validation."""
    background, evaluation = (
        [name for name, (path, _) in drawings.items() if path.name == zip_name]
        for zip_name in card("omniglot").files
    )
    characters = Counter(name.partition("/")[0] for name in background)
    smallest = {alphabet for alphabet, _ in characters.most_common()[:-6:-1]}
    return {
        "train": [n for n in background if n.partition("/")[0] not in smallest],
        "val": [n for n in background if n.partition("/")[0] in smallest],
        "test": evaluation,
    }


def _names(path: Path) -> list[str]:
    """Names of the drawings in a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".png")]
            return [name for name in names if not name.rsplit("/", 1)[-1].startswith(".")]
    except UserError:
        raise
    except Exception as error:  # an altered zip can raise nearly anything
        raise UserError(
            f"{path} is damaged or cut short ({error}): delete it and run again."
        ) from error


def _check(counts: dict[str, int], lists: dict[str, list[str]], folder: Path) -> None:
    """Raises `UserError` unless every character of the class lists has 20 drawings."""
    expected = [name for names in lists.values() for name in names]
    wrong = [name for name in expected if counts.get(name) != 20]
    if wrong:
        raise UserError(
            f"The zips in {folder} are not Omniglot: {len(wrong)} of its {len(expected)} "
            f"characters do not have 20 drawings, such as {wrong[0]}. Delete them and run again."
        )


def _characters(characters: list[str], drawings: Drawings) -> Iterator[tuple[str, np.ndarray]]:
    """Names of characters with their drawings, `(20, 28, 28, 1)` uint8."""
    archives: dict[Path, zipfile.ZipFile] = {}
    try:
        for character in characters:
            path, names = drawings[character]
            if path not in archives:
                archives[path] = zipfile.ZipFile(path)
            yield character, np.stack([_drawing(archives[path], n, path) for n in names])
    finally:
        for archive in archives.values():
            archive.close()


def _drawing(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    """One drawing, `(28, 28, 1)` with ink 255."""
    try:
        if archive.getinfo(name).file_size > MOST_OF_IMAGE:
            raise zipfile.BadZipFile("it unpacks to more than a drawing")
        return READING.decode(io.BytesIO(archive.read(name)))
    except Exception as error:  # an altered zip or image can raise nearly anything
        raise UserError(f"{name} in {path} is damaged: delete the zip and run again.") from error
