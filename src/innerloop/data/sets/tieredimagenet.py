"""tieredImageNet: 608 classes of ImageNet in 34 categories, of which splits share none (Ren et al.
"Meta-learning for semi-supervised few-shot classification", 2018)."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from innerloop.data.download import fetch
from innerloop.data.images import ImageClasses
from innerloop.data.packs import safe_pickle
from innerloop.data.packs.parts import PART
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes, Images
from innerloop.data.sets import imagenet, synsets
from innerloop.data.sets.card import card
from innerloop.errors import UserError

SIZES = {"train": (351, 448_695), "val": (97, 124_261), "test": (160, 206_209)}


class TieredImageNet(ImageClasses):
    """Colour images at 84x84, normalised with ImageNet's mean and deviation.

    Arguments:
        data_dir: folder of all data sets; the pickles are read from `data_dir/tieredimagenet`.
        imagenet: the training images of ImageNet, `IMAGENET/n01440764/*.JPEG`, to be resized
            instead of those of the pickles; None for the pickles.
        on_device: see `ImageClasses`.
    """

    def __init__(
        self, data_dir: str, imagenet: str | None = None, on_device: bool | str = "auto"
    ) -> None:
        super().__init__(
            "tieredimagenet",
            Path(data_dir) / "tieredimagenet",
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            on_device=on_device,
        )
        self.imagenet = imagenet
        self.reading = Reading(84, 3)

    @property
    def recipe(self) -> Recipe:
        return {"split": "ren", "size": 84, "files": "imagenet" if self.imagenet else "pickles"}

    def tree(self, split: str) -> np.ndarray | None:
        """WordNet's; None of the pickles, which do not name the classes."""
        return synsets.spanned(self.pack.classes(split))

    def read(self) -> Mapping[str, Classes]:
        assert self.reading is not None
        if self.imagenet:
            return imagenet.classes(self.imagenet, "tieredimagenet_ren", self.reading)
        published = card("tieredimagenet")
        fetch(published.files, self.folder, "tieredImageNet", published.most)
        return {split: self._classes(split, self.reading) for split in SIZES}

    def _classes(self, split: str, reading: Reading) -> Iterator[Images]:
        """Names of classes with their images, `(n, 84, 84, 3)` uint8."""
        labels, pictures = (
            self.folder / f"tiered-imagenet-{split}_{part}.pkl" for part in ("labels", "images_png")
        )
        owners = _labels(labels, split)
        encoded = safe_pickle.load(pictures, encoding="bytes")
        if not isinstance(encoded, list) or len(encoded) != len(owners):
            raise UserError(_wrong(pictures, split))
        for label in np.unique(owners):
            rows = np.flatnonzero(owners == label)
            for part in np.split(rows, range(PART, len(rows), PART)):
                images = [_decoded(encoded[row], reading, pictures) for row in part]
                yield f"{split}{label:03}", np.stack(images)


def _labels(path: Path, split: str) -> np.ndarray:
    """The class of each image of a split."""
    content = safe_pickle.load(path, encoding="bytes")  # Python 2 wrote it
    try:
        labels = np.asarray(content.get(b"label_specific", content.get("label_specific")))
        sizes = (len(np.unique(labels)), len(labels))
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(_wrong(path, split)) from error
    if sizes != SIZES[split]:
        raise UserError(_wrong(path, split))
    return labels


def _decoded(encoded: object, reading: Reading, path: Path) -> np.ndarray:
    """An image of a pickle."""
    try:
        return reading.decode(io.BytesIO(np.asarray(encoded, np.uint8).tobytes()))
    except Exception as error:  # a damaged image can raise nearly anything
        raise UserError(f"An image in {path} is damaged: delete the file and run again.") from error


def _wrong(path: Path, split: str) -> str:
    classes, images = SIZES[split]
    return (
        f"{path} is not the {split} split of tieredImageNet: {images:,} images of {classes} "
        "classes were expected. Delete it and run again."
    )
