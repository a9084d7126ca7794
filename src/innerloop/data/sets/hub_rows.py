"""Rows that Hugging Face's library `datasets` reads: by name, or from files of many kinds."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from innerloop.data.packs.record import Recipe
from innerloop.data.sets.folder_classes import read_names
from innerloop.data.source import SPLITS
from innerloop.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

SHARES = (0.64, 0.8)  #: where the validation classes begin, and the test classes


class HubRows:
    """The rows of all splits of a data set, and the class of each.

    Few-shot splits have other classes each, so that the rows are put together: the classes of a
    split are those of a list, or 64, 16 and 20 percent in the order of a hash of their names.

    Arguments:
        name: on the hub, a folder that `save_to_disk` wrote, or a format such as `parquet`.
        files: of a format: a folder, a file or a pattern such as `shards/*.tar`.
        content: the key and the value of the option that names the column of the examples.
        label: column of classes; `json.kind` is the entry `kind` of the column `json`.
        split: a yaml file with lists of class names under `train`, `val` and `test`.
        revision: of a data set on the hub; None for the newest.
    """

    def __init__(
        self,
        name: str,
        files: str | None,
        content: tuple[str, str],
        label: str,
        split: str | None,
        revision: str | None,
    ) -> None:
        self.name, self.files, self.revision = name, files, revision
        self.key, self.column = content
        self.label, self.split = label, split
        self._rows: Dataset | None = None

    @property
    def rows(self) -> "Dataset":
        """All rows, read once.

        Raises:
            UserError: if the library is missing, or the rows have no such columns.
        """
        if self._rows is None:
            self._rows = _load(self.name, self.files, self.revision)
            missing = {self.column, self.label.split(".")[0]} - set(self._rows.column_names)
            if missing:
                raise UserError(
                    f"dataset.name={self.name} has no column {', '.join(sorted(missing))}, but "
                    f"{', '.join(self._rows.column_names)}: set dataset.{self.key} and "
                    "dataset.label."
                )
        return self._rows

    @property
    def recipe(self) -> Recipe:
        """Contains the fingerprint that the library keeps of the rows."""
        return {
            "name": self.name,
            "rows": self.rows._fingerprint,
            "columns": f"{self.column} {self.label}",
            "split": _checksum(self.split),
        }

    def members(self) -> dict[str, dict[str, list[int]]]:
        """The numbers of the rows of each class of each split.

        Raises:
            UserError: if there are too few classes, or a list names others.
        """
        labels = self._labels()
        return {
            split: {name: np.flatnonzero(labels == name).tolist() for name in names}
            for split, names in self._names(labels).items()
        }

    def _labels(self) -> np.ndarray:
        """The class name of every row, `(n,)`."""
        column, *entries = self.label.split(".")
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
            listed = read_names(Path(self.split).expanduser())
            missing = [name for own in listed.values() for name in own if name not in known]
            if missing:
                raise UserError(f"dataset.split={self.split} names unknown classes: {missing[:5]}.")
            return listed
        if len(known) < len(SPLITS):
            raise UserError(
                f"dataset.name={self.name} has {len(known)} classes: three splits need three."
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
