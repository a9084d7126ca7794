"""Meta-Album (Ullah et al. 2022): 40 sets of images of ten domains, in three sizes each."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

from innerloop.data.images import ImageClasses
from innerloop.data.packs import pixels
from innerloop.data.packs.archives import FolderArchive
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.card import card
from innerloop.data.sets.folder_classes import read_names
from innerloop.data.sets.published import Picture, Pictures, read_classes
from innerloop.errors import UserError, one_line

MOST = 2**28  #: bytes of a list of labels or of class names


class MetaAlbum(ImageClasses):
    """One of the sets; all its classes are for tests, unless a list says otherwise.

    Arguments:
        data_dir: folder of all data sets; `data_dir/meta_album/NAME` holds `images`, `labels.csv`
            and `info.json`.
        name: of the set, such as `BRD_Mini`.
        split: a yaml file with lists of class names under `train`, `val` and `test`; None to test
            on all classes.
        size: images are resized to `size` by `size` pixels.
        on_device: see `ImageClasses`.
    """

    def __init__(
        self,
        data_dir: str,
        name: str,
        split: str | None = None,
        size: int = 84,
        on_device: bool | str = "auto",
    ) -> None:
        super().__init__(
            f"meta_album {name}",
            Path(data_dir) / "meta_album" / name,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            on_device=on_device,
        )
        self.reading = Reading(size, 3)
        self.split = None if split is None else Path(split).expanduser()

    @property
    def recipe(self) -> Recipe:
        """Contains the labels: other labels make another pack."""
        assert self.reading is not None
        lists = b"" if self.split is None else regular_file(self.split, MOST).read_bytes()
        return {
            "labels": hashlib.sha256(self._file("labels.csv") + lists).hexdigest(),
            "size": self.reading.size,
            "filter": "lanczos",
            "pixels": pixels.VERSION,
        }

    def read(self) -> Mapping[str, Classes]:
        assert self.reading is not None
        pictures = self._pictures()
        tested = {"test": sorted(pictures)}
        lists = tested if self.split is None else read_names(self.split)
        missing = [name for names in lists.values() for name in names if name not in pictures]
        if missing:
            raise UserError(f"dataset.split={self.split} names {missing[0]}, which is no class.")
        return read_classes(pictures, lists, self.reading)

    def _pictures(self) -> Pictures:
        """The images of each class."""
        archive = FolderArchive(self.folder)
        classes: Pictures = {}
        try:
            info = json.loads(self._file("info.json"))
            file, label = info["image_column_name"], info["category_column_name"]
            for row in csv.DictReader(io.StringIO(self._file("labels.csv").decode())):
                picture = Picture(archive, f"images/{row[file]}")
                classes.setdefault(row[label], []).append(picture)
        except (LookupError, TypeError, ValueError, csv.Error) as error:
            raise UserError(
                f"{self.folder}: its info.json and labels.csv do not fit Meta-Album's format "
                f"({one_line(error, 120)})."
            ) from error
        if len(classes) != info.get("total_categories"):
            raise UserError(
                f"{self.folder}: labels.csv has {len(classes)} classes, and info.json says "
                f"{info.get('total_categories')}. Unpack the set again."
            )
        return classes

    def _file(self, name: str) -> bytes:
        """The content of one of the two files that describe the set."""
        if not self.folder.is_dir():
            raise UserError(f"{self.folder} is not there: {card('meta_album').by_hand}.")
        return regular_file(self.folder / name, MOST).read_bytes()
