"""Published data sets whose archives hold one file for each image."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from innerloop.data.download import fetch, is_of_disk
from innerloop.data.images import ImageClasses
from innerloop.data.packs import pixels
from innerloop.data.packs.archives import Archive, open_archive, read_picture
from innerloop.data.packs.parts import PART
from innerloop.data.packs.pictures import Box, Reading, subfolders
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes, Images, InSeries
from innerloop.data.sets import synsets
from innerloop.data.sets.card import Card, card
from innerloop.data.sets.class_lists import class_lists, splits_of
from innerloop.errors import UserError, one_line


class Picture(NamedTuple):
    """Where an image is."""

    archive: Archive
    name: str
    box: Box | None = None  #: what to cut out of it; None for all of it
    series: int | None = None  #: a number that images of one thing share, see `packs.series`


Pictures = dict[str, list[Picture]]  #: by class
Layout = Callable[[list[Path]], Pictures]  #: finds the images in the publisher's files


class Published(ImageClasses):
    """Colour images as squares, normalised with the mean and deviation of ImageNet.

    Arguments:
        name: of the data set's card.
        data_dir: folder of all data sets; the publisher's files are read from a folder in it.
        layout: finds the images in these files.
        split: whose class lists are taken, those in `innerloop/data/splits/NAME_SPLIT.json`.
        size: images are resized to `size` by `size` pixels.
        path: a folder with the content of the archive, instead of the publisher's files. Of a data
            set that cannot be downloaded, None is the set's folder in `data_dir`.
        part: whether a part of the images is enough, if there are some of each class.
        on_device: see `ImageClasses`.

    Raises `UserError` for a split that is not published.
    """

    def __init__(
        self,
        name: str,
        data_dir: str,
        layout: Layout,
        split: str = "meta_dataset",
        size: int = 84,
        path: str | None = None,
        part: bool = False,
        on_device: bool | str = "auto",
    ) -> None:
        self.card = card(name)
        if split not in splits_of(name):
            raise UserError(f"dataset.split={split}: choose {' or '.join(splits_of(name))}.")
        super().__init__(
            name,
            Path(data_dir) / self.card.folder,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            on_device=on_device,
        )
        self.layout, self.split = layout, split
        self.lists = class_lists(f"{name}_{split}")
        self.path, self.part = None if path is None else Path(path).expanduser(), part
        self.reading = Reading(size, 3)

    @property
    def recipe(self) -> Recipe:
        assert self.reading is not None
        recipe: Recipe = {
            "set": self.name,
            "split": self.split,
            "size": self.reading.size,
            "filter": "lanczos",
            "pixels": pixels.VERSION,
        }
        if self.part:
            names = "\n".join(name for file in self._files() for name in open_archive(file).names)
            recipe["images"] = hashlib.sha256(names.encode()).hexdigest()
        return recipe

    def tree(self, split: str) -> np.ndarray | None:
        """WordNet's, of classes of ImageNet; None of others."""
        return synsets.spanned(self.pack.classes(split))

    def read(self) -> Mapping[str, Classes]:
        assert self.reading is not None
        files = self._files()
        pictures = found_by(self.layout, files, self.card)
        images = sum(map(len, pictures.values()))
        expected = self.card._replace(images=images) if self.part else self.card
        check(pictures, self.lists, expected, files)
        return read_classes(pictures, self.lists, self.reading)

    def _files(self) -> list[Path]:
        if self.path is not None:
            return [self.path]
        if self.card.by_hand:
            if any(path.name != "packed" for path in subfolders(self.folder)):
                return [self.folder]
            raise UserError(
                f"{self.card.title} cannot be downloaded: {self.card.by_hand}. Or let FOLDER be "
                f"{self.folder}, which needs no dataset.path."
            )
        return fetch(self.card.files, self.folder, self.card.title, self.card.most)


def found_by(layout: Layout, files: list[Path], card: Card) -> Pictures:
    """The images that a layout finds in the publisher's files.

    Raises:
        UserError: if the files are not what the card says.
    """
    try:
        return layout(files)
    except Exception as error:  # altered lists of images can raise nearly anything
        if isinstance(error, UserError) or is_of_disk(error):
            raise
        raise UserError(
            f"{', '.join(map(str, files))}: this is not {card.title} ({one_line(error, 120)}). "
            "Delete what is wrong and run again."
        ) from error


def check(
    pictures: Pictures, lists: Mapping[str, list[str]], card: Card, files: Sequence[Path]
) -> None:
    """Checks that a data set is complete.

    Arguments:
        pictures: what the files hold.
        lists: names of the classes of each split.
        card: how many classes and images there are.
        files: the publisher's files, for messages.

    Raises:
        UserError: if classes or images are missing, or there are others.
    """
    images = sum(map(len, pictures.values()))
    missing = [name for names in lists.values() for name in names if not pictures.get(name)]
    if missing or (len(pictures), images) != (card.classes, card.images):
        lacks = f", and class {missing[0]} has none" if missing else ""
        raise UserError(
            f"{', '.join(map(str, files))}: this is not {card.title}, which has {card.images:,} "
            f"images of {card.classes:,} classes; there are {images:,} of {len(pictures):,}{lacks}."
            " Delete what is wrong and run again."
        )


def read_classes(
    pictures: Pictures, lists: Mapping[str, list[str]], reading: Reading
) -> Mapping[str, Classes]:
    """The images of each split that has classes.

    Arguments:
        pictures: where the images of each class are.
        lists: names of the classes of each split.
        reading: how a file becomes an image.
    """
    return {
        split: _read_classes({name: pictures[name] for name in names}, reading)
        for split, names in lists.items()
        if names
    }


def _read_classes(pictures: Pictures, reading: Reading) -> Iterator[Images | InSeries]:
    for name, members in pictures.items():
        for part in (members[i : i + PART] for i in range(0, len(members), PART)):
            images = np.stack([read_picture(p.archive, p.name, reading, p.box) for p in part])
            if part[0].series is None:
                yield name, images
            else:
                yield name, images, np.array([picture.series for picture in part])
