"""A user's own images: `train/CLASS/*.png`, `val/`, `test/`, or one tree and its split's list."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packs import overlap, pixels
from innerloop.data.packs.ordinary import ordinary
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.packing import Classes
from innerloop.data.packs.pictures import Reading, files_of_class, subfolders
from innerloop.data.source import SPLITS
from innerloop.errors import UserError

MOST = 2**19  #: bytes of a split's list, which holds names alone


class Folder(ImageClasses):
    """Classes are folders of images, which are read as a viewer shows them (`data.pixels`).

    Arguments:
        path: holds `train`, `val` and `test`, each with a folder for each class; or, with `split`,
            a folder for each class.
        split: a yaml file with lists of class names under `train`, `val` and `test`.
        size: images are resized to `size` by `size` pixels.
        channels: 3 for colour, 1 for grey.
        mean, std: one number for all channels, or one for each.

    Raises `UserError` for sizes, channels, means and deviations that make no image.
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
        if channels not in (1, 3):
            raise UserError(f"dataset.channels={channels}: use 3 for colour or 1 for grey.")
        if not isinstance(size, int) or size < 1:
            raise UserError(f"dataset.size={size}: give the pixels of a side, from 1.")
        mean = _scale("mean", mean, channels, low=-np.inf)
        std = _scale("std", std, channels, low=0)
        super().__init__("folder", _path(path), mean=mean, std=std, on_device=on_device)
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
            "pixels": pixels.VERSION,
        }

    def warn(self, pack: Pack) -> None:
        super().warn(pack)
        overlap.warn_of_classes(str(self.folder), pack)

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
            folders = _by_list(_path(self.split), _class_folders(self.folder))
        return {
            split: {folder.name: files_of_class(folder) for folder in found}
            for split, found in folders.items()
        }


def _path(given: str) -> Path:
    return Path(os.path.expanduser(str(given)))  # an unknown user's home stays as it is


def _scale(key: str, values: Any, channels: int, low: float) -> list[float]:
    """The numbers of each channel, or of all, above `low`."""
    try:
        numbers = np.atleast_1d(np.asarray(values, float))
    except (TypeError, ValueError):
        numbers = np.array([])
    if numbers.shape not in ((1,), (channels,)) or not ((low < numbers) & (numbers < np.inf)).all():
        raise UserError(
            f"dataset.{key}={values}: give one number{' above 0' if low == 0 else ''} for all "
            f"channels, or {channels} numbers."
        )
    return numbers.tolist()


def _class_folders(folder: Path) -> list[Path]:
    found = subfolders(folder)
    if not found:
        raise UserError(
            f"{folder} has no folders of classes. dataset=folder expects dataset.path=FOLDER with "
            "train/CLASS/*.png, val/ and test/, or FOLDER/CLASS/*.png with dataset.split=FILE.yaml."
        )
    return found


def _are_names(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(n, str) for n in found)


def _by_list(file: Path, folders: list[Path]) -> dict[str, list[Path]]:
    """Folders of classes by split, from a yaml of class names."""
    import yaml

    wrong = f"dataset.split={file} does not hold lists of class names under train, val and test."
    try:
        text = ordinary(file, MOST).read_text(encoding="utf-8")
        lists = yaml.load(text, yaml.BaseLoader)  # names as written: neither 8 for 010 nor true
        names = {split: lists[split] for split in SPLITS}
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, RecursionError) as error:
        raise UserError(wrong) from error
    if not all(_are_names(found) for found in names.values()):
        raise UserError(wrong)
    known = {folder.name: folder for folder in folders}
    listed = [name for split in SPLITS for name in names[split]]
    missing = [name for name in listed if name not in known]
    if missing:
        raise UserError(f"dataset.split={file} names classes that have no folder: {missing[:5]}.")
    if len(set(listed)) < len(listed):
        raise UserError(f"dataset.split={file} names a class twice; splits share no class.")
    return {split: [known[name] for name in names[split]] for split in SPLITS}
