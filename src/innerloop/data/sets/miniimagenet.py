"""miniImageNet: 100 classes of ImageNet at 84x84 (Vinyals et al. 2016), in the split of Ravi and
Larochelle ("Optimization as a model for few-shot learning", 2017)."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from innerloop.data.download import fetch
from innerloop.data.images import ImageClasses
from innerloop.data.packs import safe_pickle
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes
from innerloop.data.sets import imagenet, synsets
from innerloop.data.sets.card import card
from innerloop.errors import UserError

FILES = {
    split: f"mini-imagenet-cache-{name}.pkl"
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test"))
}
CLASSES = {"train": 64, "val": 16, "test": 20}


class MiniImageNet(ImageClasses):
    """64, 16 and 20 classes of 600 colour images, normalised with ImageNet's mean and deviation.

    Arguments:
        data_dir: folder of all data sets; the three pickles are read from `data_dir/miniimagenet`.
        imagenet: the training images of ImageNet, `IMAGENET/n01440764/*.JPEG`, to be resized
            instead of those of the pickles; None for the pickles.
        on_device: see `ImageClasses`.
    """

    def __init__(
        self, data_dir: str, imagenet: str | None = None, on_device: bool | str = "auto"
    ) -> None:
        super().__init__(
            "miniimagenet",
            Path(data_dir) / "miniimagenet",
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            on_device=on_device,
        )
        self.imagenet = imagenet
        self.reading = Reading(84, 3)  # of images of ImageNet or a user; the others are resized

    @property
    def recipe(self) -> Recipe:
        files = "imagenet" if self.imagenet else "mini-imagenet-cache"
        return {"split": "ravi", "size": 84, "files": files}

    def tree(self, split: str) -> np.ndarray | None:
        """WordNet's."""
        return synsets.spanned(self.pack.classes(split))

    def read(self) -> Mapping[str, Classes]:
        if self.imagenet:
            assert self.reading is not None
            return imagenet.classes(
                self.imagenet, "miniimagenet_ravi", self.reading, "miniimagenet_ravi_images.json"
            )
        fetch(card("miniimagenet").files, self.folder, "miniImageNet")  # learn2learn's copy
        return {split: _classes(self.folder / name, split) for split, name in FILES.items()}


def _classes(path: Path, split: str) -> Iterator[tuple[str, np.ndarray]]:
    """Names of classes with their images, `(600, 84, 84, 3)` uint8."""
    shape = (600 * CLASSES[split], 84, 84, 3)
    content = safe_pickle.load(path, most=4 * math.prod(shape))  # larger if written as text
    try:
        images = content["image_data"]
        rows = {name: list(members) for name, members in content["class_dict"].items()}
        whole = images.dtype == np.uint8 and images.shape == shape and len(rows) == CLASSES[split]
        whole = whole and _is_partition(rows, len(images))
    except (AttributeError, TypeError, LookupError) as error:
        raise UserError(_wrong(path, split)) from error
    if not whole:
        raise UserError(_wrong(path, split))
    del content
    for name in sorted(rows):
        yield name, images[rows[name]]


def _is_partition(rows: Mapping[object, list[object]], count: int) -> bool:
    """Whether each of `count` images is in exactly one class, and every class has 600 images."""
    if not all(isinstance(name, str) and len(members) == 600 for name, members in rows.items()):
        return False
    every = [row for members in rows.values() for row in members]
    integers = [
        int(row) for row in every if isinstance(row, int | np.integer) and not isinstance(row, bool)
    ]
    return len(integers) == len(every) and sorted(integers) == list(range(count))


def _wrong(path: Path, split: str) -> str:
    return (
        f"{path} is not the {split} split of miniImageNet: {CLASSES[split]} classes of 600 images, "
        "84x84 in colour, were expected. Delete it and run again."
    )
