"""Images that Hugging Face's library `datasets` reads: by name, or from files of many kinds."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packs import overlap, pixels
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.parts import in_parts
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.folder_classes import read_names
from innerloop.data.sets.own_pixels import per_channel, reading_of
from innerloop.data.source import SPLITS
from innerloop.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

SHARES = (0.64, 0.8)  #: where the validation classes begin, and the test classes


class HuggingFace(ImageClasses):
    """Classes of images from a data set of Hugging Face, or from a folder or an archive of files.

    The rows of all its splits are put together, because few-shot splits have other classes each:
    those of a list, or 64, 16 and 20 percent of the classes, in the order of a hash of their names.

    Arguments:
        name: on the hub, such as `uoft-cs/cifar100`; a folder that `save_to_disk` wrote; or a
            format: `imagefolder`, `parquet` or `webdataset`.
        files: of a format: a folder, a file or a pattern such as `shards/*.tar`.
        image, label: columns of images and of classes; `json.kind` is the entry `kind` of the
            column `json`.
        split: a yaml file with lists of class names under `train`, `val` and `test`.
        revision: of a data set on the hub; None for the newest.
        folder: where the images are packed.
        size, channels, mean, std: as of `innerloop.data.sets.folder.Folder`.
        on_device: see `ImageClasses`.

    Raises:
        UserError: if the library is missing, or the rows have no such columns.
    """

    reading: Reading
    skips_small = True

    def __init__(
        self,
        name: str,
        folder: str,
        files: str | None = None,
        image: str = "image",
        label: str = "label",
        split: str | None = None,
        revision: str | None = None,
        size: int = 84,
        channels: int = 3,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        on_device: bool | str = "auto",
    ) -> None:
        self.address, self.files, self.revision = name, files, revision
        self.image, self.label, self.split = image, label, split
        self.reading = reading_of(size, channels)
        super().__init__(
            "hugging_face",
            Path(folder),
            mean=per_channel("mean", mean, channels, low=-np.inf),
            std=per_channel("std", std, channels, low=0),
            on_device=on_device,
        )
        self._rows: Dataset | None = None

    @property
    def rows(self) -> "Dataset":
        """All rows, read once."""
        if self._rows is None:
            self._rows = _load(self.address, self.files, self.revision)
            missing = {self.image, self._label_path[0]} - set(self._rows.column_names)
            if missing:
                raise UserError(
                    f"dataset.name={self.address} has no column {', '.join(sorted(missing))}, but "
                    f"{', '.join(self._rows.column_names)}: set dataset.image and dataset.label."
                )
        return self._rows

    @property
    def _label_path(self) -> list[str]:
        return self.label.split(".")

    @property
    def recipe(self) -> Recipe:
        """Contains the fingerprint that the library keeps of the rows."""
        return {
            "name": self.address,
            "rows": self.rows._fingerprint,
            "columns": f"{self.image} {self.label}",
            "split": _checksum(self.split),
            "size": self.reading.size,
            "channels": self.reading.channels,
            "filter": "lanczos",
            "pixels": pixels.VERSION,
        }

    def warn(self, pack: Pack) -> None:
        super().warn(pack)
        overlap.warn_of_classes(self.address, pack)

    def read(self) -> Mapping[str, Classes]:
        labels = self._labels()
        return {s: self._images_of(own, labels) for s, own in self._names(labels).items()}

    def _images_of(
        self, names: Sequence[str], labels: np.ndarray
    ) -> Iterator[tuple[str, np.ndarray]]:
        for name in names:
            rows = np.flatnonzero(labels == name).tolist()
            yield from in_parts(name, rows, self._fitted)

    def _fitted(self, row: int) -> np.ndarray:
        try:
            return self.reading.fitted(self.rows[row][self.image])
        except Exception as error:  # a damaged image can raise nearly anything
            raise UserError(
                f"Row {row} of dataset.name={self.address} does not decode as an image ({error})."
            ) from error

    def _labels(self) -> np.ndarray:
        """The class name of every row, `(n,)`."""
        column, *entries = self._label_path
        names = getattr(self.rows.features[column], "names", None)
        labels = []
        for value in self.rows[column]:
            for entry in entries:
                value = value[entry]
            labels.append(names[value] if names else str(value))
        return np.array(labels)

    def _names(self, labels: np.ndarray) -> dict[str, list[str]]:
        """The class names of each split."""
        known = sorted(set(labels.tolist()), key=_hash)
        if self.split is not None:
            listed = read_names(Path(os.path.expanduser(self.split)))
            missing = [name for own in listed.values() for name in own if name not in known]
            if missing:
                raise UserError(f"dataset.split={self.split} names unknown classes: {missing[:5]}.")
            return listed
        if len(known) < len(SPLITS):
            raise UserError(
                f"dataset.name={self.address} has {len(known)} classes: three splits need three."
            )
        ends = [max(1, round(share * len(known))) for share in SHARES]
        first, second = ends[0], min(max(ends[1], ends[0] + 1), len(known) - 1)
        parts = known[: min(first, second - 1)], known[min(first, second - 1) : second]
        return dict(zip(SPLITS, (*map(sorted, parts), sorted(known[second:])), strict=True))


def _load(name: str, files: str | None, revision: str | None) -> "Dataset":
    """The rows of all splits, one after the other."""
    datasets = _library()
    try:
        if Path(name).expanduser().is_dir() and files is None:
            loaded = datasets.load_from_disk(str(Path(name).expanduser()))
        elif files is not None and Path(files).expanduser().is_dir():
            loaded = datasets.load_dataset(name, data_dir=str(Path(files).expanduser()))
        elif files is not None:
            loaded = datasets.load_dataset(name, data_files=str(Path(files).expanduser()))
        else:
            loaded = datasets.load_dataset(name, revision=revision)
    except Exception as error:  # anything that a network, a hub or a damaged file can cause
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"dataset.name={name} cannot be read: {reason}") from error
    parts = list(loaded.values()) if isinstance(loaded, dict) else [loaded]
    return parts[0] if len(parts) == 1 else datasets.concatenate_datasets(parts)


def _library() -> Any:
    """The module `datasets`.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise UserError(
            "dataset=hugging_face needs the library datasets: uv pip install -e '.[hub]'."
        ) from error
    return datasets


def _checksum(file: str | None) -> str:
    return "" if file is None else hashlib.sha256(Path(file).expanduser().read_bytes()).hexdigest()


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
