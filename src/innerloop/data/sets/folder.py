"""A user's own images: `train/CLASS/*.png`, `val/`, `test/`, one folder with a list, or a table."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packs import overlap, pixels
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.parts import in_parts
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.folder_classes import Files, list_files
from innerloop.data.sets.folder_table import list_table
from innerloop.data.sets.own_pixels import per_channel, reading_of


class Folder(ImageClasses):
    """Folders of images as classes; images look as in a viewer (`innerloop.data.packs.pixels`).

    Arguments:
        path: holds `train`, `val` and `test`, each with a folder for each class; or, with `split`,
            a folder for each class; or a CSV file (`innerloop.data.sets.folder_table`).
        split: a yaml file with lists of class names under `train`, `val` and `test`.
        size: images are resized to `size` by `size` pixels.
        channels: 3 for colour, 1 for grey.
        mean, std: one number for all channels, or one for each, on the scale 0 to 1.
        on_device: see `ImageClasses`.

    Raises `UserError` for impossible sizes, channels, means and standard deviations.
    """

    reading: Reading
    skips_small = True

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
        self.reading = reading_of(size, channels)
        mean = per_channel("mean", mean, channels, low=-np.inf)
        std = per_channel("std", std, channels, low=0)
        self.path, self.split = _path(path), split
        folder = self.path.parent if self._is_table else self.path
        super().__init__("folder", folder, mean=mean, std=std, on_device=on_device)

    @property
    def _is_table(self) -> bool:
        return self.path.suffix.lower() == ".csv"

    @property
    def recipe(self) -> Recipe:
        """Contains size and time of change of every file: a changed folder is packed again."""
        listing = hashlib.sha256()
        for split, classes in self.files().items():
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
        return {split: self._images_of(classes) for split, classes in self.files().items()}

    def _images_of(self, classes: Files) -> Iterator[tuple[str, np.ndarray]]:
        for name, files in classes.items():
            yield from in_parts(name, files, self.reading.read)

    def files(self) -> dict[str, Files]:
        """The image files of each class of each split."""
        names = None if self.split is None else _path(self.split)
        return (list_table if self._is_table else list_files)(self.path, names)


def _path(text: str) -> Path:
    return Path(os.path.expanduser(str(text)))  # `~name` stays as it is if the user is unknown
