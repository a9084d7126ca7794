"""miniImageNet and tieredImageNet from the training images of ImageNet, by the published lists."""

import json
from collections.abc import Mapping
from pathlib import Path

from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.writing import Classes
from innerloop.data.sets import class_folders
from innerloop.data.sets.class_lists import FOLDER, class_lists
from innerloop.data.sets.published import Picture, read_classes
from innerloop.errors import UserError


def classes(
    folder: str, lists: str, reading: Reading, images: str | None = None
) -> Mapping[str, Classes]:
    """The classes of each split.

    Arguments:
        folder: holds `n01440764/n01440764_18.JPEG`, and so on.
        lists: name of the class lists.
        reading: how a file becomes an image.
        images: a file in `innerloop/data/splits` with numbers of images of each class: number k is
            the k-th image of the class, in the order of the numbers in the files' names. None for
            all images.

    Raises:
        UserError: if a class or an image is missing.
    """
    pictures = class_folders.pictures([Path(folder).expanduser()])
    splits = class_lists(lists)
    numbers = _numbers(images)
    for name in (name for names in splits.values() for name in names):
        members = sorted(pictures.get(name, []), key=_number)
        if len(members) < max(numbers.get(name, [1])):
            raise UserError(
                f"dataset.imagenet={folder} has {len(members)} images in {name}, too few: give the "
                "folder of ImageNet's training images, with the folders n01440764 and so on."
            )
        pictures[name] = [members[k - 1] for k in numbers[name]] if numbers else members
    return read_classes(pictures, splits, reading)


def _numbers(file: str | None) -> dict[str, list[int]]:
    """Numbers of the images of each class."""
    if file is None:
        return {}
    numbers: dict[str, list[int]] = json.loads((FOLDER / file).read_text())
    return numbers


def _number(picture: Picture) -> tuple[int, str]:
    """The number 18 of `n01440764/n01440764_18.JPEG`, and the name itself."""
    digits = Path(picture.name).stem.rpartition("_")[2]
    return (int(digits) if digits.isdigit() else 0, picture.name)
