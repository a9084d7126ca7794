"""A user's own images in one NumPy archive."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packs import overlap, pixels
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.own_pixels import per_channel, reading_of
from innerloop.data.source import SPLITS
from innerloop.errors import UserError


class Arrays(ImageClasses):
    """The arrays `images`, `labels` and `splits` of an `.npz` file.

    * `images`: `(n, height, width)` grey or `(n, height, width, 3)` colour, uint8.
    * `labels`: `(n,)` names or numbers of the classes.
    * `splits`: `(n,)` texts: train, val or test.

    Arguments:
        path: of the file.
        size, channels, mean, std: as of `innerloop.data.sets.folder.Folder`.
        on_device: see `ImageClasses`.

    Raises `UserError` for impossible sizes, channels, means and standard deviations.
    """

    reading: Reading
    skips_small = True

    def __init__(
        self,
        path: str,
        size: int = 84,
        channels: int = 3,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        on_device: bool | str = "auto",
    ) -> None:
        self.path, self.reading = Path(os.path.expanduser(path)), reading_of(size, channels)
        super().__init__(
            "arrays",
            self.path.parent,
            mean=per_channel("mean", mean, channels, low=-np.inf),
            std=per_channel("std", std, channels, low=0),
            on_device=on_device,
        )

    @property
    def recipe(self) -> Recipe:
        """Contains size and time of change of the file: a changed one is packed again."""
        status = regular_file(self.path).stat()
        return {
            "file": f"{self.path.name} {status.st_size} {status.st_mtime_ns}",
            "size": self.reading.size,
            "channels": self.reading.channels,
            "filter": "lanczos",
            "pixels": pixels.VERSION,
        }

    def warn(self, pack: Pack) -> None:
        super().warn(pack)
        overlap.warn_of_classes(str(self.path), pack)

    def read(self) -> Mapping[str, Classes]:
        images, labels, splits = _arrays(self.path)
        return {s: self._classes_of(images[splits == s], labels[splits == s]) for s in SPLITS}

    def _classes_of(
        self, images: np.ndarray, labels: np.ndarray
    ) -> Iterator[tuple[str, np.ndarray]]:
        from PIL import Image

        for name in np.unique(labels):
            own = [self.reading.fitted(Image.fromarray(image)) for image in images[labels == name]]
            yield str(name), np.stack(own)


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels and splits.

    Raises:
        UserError: if they are missing or do not fit together.
    """
    try:
        with np.load(regular_file(path), allow_pickle=False) as content:
            images, labels, splits = (content[key] for key in ("images", "labels", "splits"))
    except UserError:
        raise
    except Exception as error:  # a damaged archive can raise nearly anything
        raise UserError(
            f"{path} does not hold the arrays images, labels and splits of an .npz file ({error})."
        ) from error
    grey_or_colour = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3)
    if images.dtype != np.uint8 or not grey_or_colour:
        raise UserError(
            f"{path}: images is {images.dtype} {images.shape}, but (n, height, width) or "
            "(n, height, width, 3) of uint8 is needed."
        )
    if not labels.shape == splits.shape == images.shape[:1]:
        raise UserError(f"{path}: labels {labels.shape} and splits {splits.shape} need one entry "
                        f"for each of {len(images)} images.")  # fmt: skip
    if empty := [split for split in SPLITS if split not in splits]:
        raise UserError(f"{path}: no image is of the split {', '.join(empty)}.")
    return images, labels, splits
