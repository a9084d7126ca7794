"""A user's own images: `train/CLASS/*.png`, `val/`, `test/`, or one tree and its split's list."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packing import Classes
from innerloop.data.pictures import Reading, files_of_class, subfolders
from innerloop.data.source import SPLITS
from innerloop.errors import UserError


class Folder(ImageClasses):
    """Classes are folders of images.

    Arguments:
        path: holds `train`, `val` and `test`, each with a folder for each class; or, with `split`,
            a folder for each class.
        split: a yaml file with lists of class names under `train`, `val` and `test`.
        size: images are resized to `size` by `size` pixels.
        channels: 3 for colour, 1 for grey.
    """

    reading: Reading

    def __init__(
        self,
        path: str,
        split: str | None = None,
        size: int = 84,
        channels: int = 3,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        on_device: bool | str = "auto",
    ) -> None:
        folder = Path(path).expanduser()
        super().__init__("folder", folder, mean=mean, std=std, on_device=on_device)
        if channels not in (1, 3):
            raise UserError(f"dataset.channels={channels}: use 3 for colour or 1 for grey.")
        self.split, self.reading = split, Reading(size, channels)

    @property
    def recipe(self) -> dict[str, Any]:
        """Names every file with its size and time of change: a changed folder is packed anew."""
        listing = hashlib.sha256()
        for split, classes in self._listed().items():
            for name, files in classes.items():
                for file in files:
                    status = file.stat()
                    line = [split, name, file.name, status.st_size, status.st_mtime_ns]
                    listing.update(repr(line).encode())
        return {
            "listing": listing.hexdigest(),
            "size": self.reading.size,
            "channels": self.reading.channels,
            "filter": "lanczos",
        }

    def read(self) -> Mapping[str, Classes]:
        return {split: self._images_of(classes) for split, classes in self._listed().items()}

    def _images_of(self, classes: dict[str, list[Path]]) -> Iterator[tuple[str, np.ndarray]]:
        for name, files in classes.items():
            yield name, np.stack([self.reading.read(file) for file in files])

    def _listed(self) -> dict[str, dict[str, list[Path]]]:
        """The image files of each class of each split."""
        if self.split is None:
            folders = {split: _class_folders(self.folder / split) for split in SPLITS}
        else:
            folders = _by_list(Path(self.split).expanduser(), _class_folders(self.folder))
        return {
            split: {folder.name: files_of_class(folder) for folder in found}
            for split, found in folders.items()
        }


def _class_folders(folder: Path) -> list[Path]:
    found = subfolders(folder)
    if not found:
        raise UserError(
            f"{folder} has no folders of classes. dataset=folder expects dataset.path=FOLDER with "
            "train/CLASS/*.png, val/ and test/, or FOLDER/CLASS/*.png with dataset.split=FILE.yaml."
        )
    return found


def _by_list(file: Path, folders: list[Path]) -> dict[str, list[Path]]:
    """Folders of classes by split, from a yaml of class names."""
    import yaml

    try:
        lists = yaml.safe_load(file.read_text())
        names = {split: [str(name) for name in lists[split]] for split in SPLITS}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(
            f"dataset.split={file} does not hold lists of class names under train, val and test."
        ) from error
    known = {folder.name: folder for folder in folders}
    listed = [name for split in SPLITS for name in names[split]]
    missing = [name for name in listed if name not in known]
    if missing:
        raise UserError(f"dataset.split={file} names classes that have no folder: {missing[:5]}.")
    if len(set(listed)) < len(listed):
        raise UserError(f"dataset.split={file} names a class twice; splits share no class.")
    return {split: [known[name] for name in names[split]] for split in SPLITS}
