"""CIFAR-100 (Krizhevsky 2009) in the splits of CIFAR-FS and FC100: 100 classes of 600 images."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from innerloop.data.download import fetch
from innerloop.data.images import ImageClasses
from innerloop.data.packs.archives import Archive, open_archive, read_picture
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.safe_pickle import load_stream
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.card import card
from innerloop.data.sets.class_lists import class_lists
from innerloop.errors import UserError

ARCHIVE = "cifar-100-python.tar.gz"
PARTS = {"train": 500, "test": 100}  #: files of the archive, with the images of each class
READING = Reading(32, 3)
Images = dict[str, np.ndarray]  #: for each class, `(600, 32, 32, 3)` uint8


class Cifar100(ImageClasses):
    """Colour images at 32x32, normalised with the mean and deviation of CIFAR-100.

    Arguments:
        data_dir: folder of all data sets; the publisher's archive is read from
            `data_dir/cifar100`, or, if there is none, `data_dir/cifar-fs/cifar100.zip`, in which
            the authors of CIFAR-FS publish the same images.
        split: `cifarfs` (64, 16 and 20 classes: Bertinetto et al. 2019) or `fc100` (60, 20 and 20
            classes that share no superclass: Oreshkin et al. 2018).
        on_device: see `ImageClasses`.

    Raises `UserError` for another split.
    """

    def __init__(self, data_dir: str, split: str, on_device: bool | str = "auto") -> None:
        if split not in ("cifarfs", "fc100"):
            raise UserError(f"dataset.split={split}: choose cifarfs or fc100.")
        super().__init__(
            split,
            Path(data_dir) / split,  # of the pack
            mean=(0.5071, 0.4865, 0.4409),
            std=(0.2673, 0.2564, 0.2762),
            on_device=on_device,
        )
        self.split, self.archives = split, Path(data_dir) / "cifar100"
        self.copy = Path(data_dir) / "cifar-fs" / "cifar100.zip"
        self.reading = READING

    @property
    def recipe(self) -> Recipe:
        return {"split": self.split, "size": 32, "files": "cifar100"}

    def read(self) -> Mapping[str, Classes]:
        path = self._archive()
        archive = open_archive(path)
        images = _of_pictures(archive) if path == self.copy else _of_pickles(archive)
        lists = class_lists(self.split)
        _check(images, lists, path)
        return {split: ((n, images[n]) for n in names) for split, names in lists.items()}

    def _archive(self) -> Path:
        """The file to read; downloaded if there is none."""
        if self.copy.exists() and not (self.archives / ARCHIVE).exists():
            return self.copy
        published = card(self.split)
        (path,) = fetch(published.files, self.archives, "CIFAR-100", published.most)
        return path


def _of_pickles(archive: Archive) -> Images:
    """The images of the publisher's archive; its training and test images make one class."""
    names = [name.decode() for name in _entry(archive, "meta", "fine_label_names").tolist()]
    parts = [_images_by_class(archive, part, len(names)) for part in PARTS]
    images = [np.concatenate(rows) for rows in zip(*parts, strict=True)]
    return dict(zip(names, images, strict=True))


def _images_by_class(archive: Archive, part: str, classes: int) -> list[np.ndarray]:
    """For each class, its images in one of the archive's files, `(n, 32, 32, 3)`."""
    labels, pixels = _entry(archive, part, "fine_labels"), _entry(archive, part, "data")
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3072):
        raise UserError(_wrong(archive.path))
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return [images[labels == label] for label in range(classes)]


def _entry(archive: Archive, part: str, key: str) -> np.ndarray:
    """An entry of one of the archive's pickles, which Python 2 wrote."""
    name = f"cifar-100-python/{part}"
    content = load_stream(io.BytesIO(archive.read(name)), f"{name} in {archive.path}", "bytes")
    try:
        return np.atleast_1d(content[key.encode()])
    except (LookupError, TypeError, ValueError) as error:
        raise UserError(_wrong(archive.path)) from error


def _of_pictures(archive: Archive) -> Images:
    """The images of the authors of CIFAR-FS, `cifar100/data/CLASS/*.png`."""
    files: dict[str, list[str]] = {}
    for name in archive.names:
        if name.endswith(".png"):
            files.setdefault(name.split("/")[-2], []).append(name)
    return {
        name: np.stack([read_picture(archive, file, READING) for file in members])
        for name, members in files.items()
    }


def _check(images: Images, lists: dict[str, list[str]], path: Path) -> None:
    """Raises `UserError` unless every class of the lists has all its images."""
    expected = [name for names in lists.values() for name in names]
    if any(len(images.get(name, ())) != sum(PARTS.values()) for name in expected):
        raise UserError(_wrong(path))


def _wrong(path: Path) -> str:
    return (
        f"{path} is not CIFAR-100: 100 classes of 600 images, 32x32 in colour, were expected. "
        "Delete it and run again."
    )
