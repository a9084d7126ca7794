"""Image files: finds them in a user's folders, and reads one as an array."""

import os
import warnings
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from innerloop.data.packs.pixels import as_shown
from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  #: other formats may start programs
MOST = 2**30  #: bytes of an image file
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


class Box(NamedTuple):
    """A rectangle in an image: pixels from `left` up to `right`, without it, and so on."""

    left: int
    top: int
    right: int
    bottom: int


class Reading(NamedTuple):
    """How an image file becomes an input of a data set.

    Arguments:
        size: height and width in pixels, to which images are resized with Lanczos' filter.
        channels: 3 for colour, 1 for grey.
        ink: whether drawings are dark on light and are inverted to light on dark.
    """

    size: int
    channels: int
    ink: bool = False

    def decode(self, file: Path | IO[bytes], box: Box | None = None) -> np.ndarray:
        """`(size, size, channels)` uint8; raises nearly anything for a damaged image.

        Arguments:
            file: an image.
            box: what to cut out of it; None for all of it.
        """
        from PIL import Image

        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                return self.fitted(image, box)

    def fitted(self, image: "Image", box: Box | None = None) -> np.ndarray:
        """An opened image, or the part of it in a box, `(size, size, channels)` uint8."""
        from PIL import Image

        pixels = as_shown(image, "L" if self.channels == 1 else "RGB")
        if box is not None:
            pixels = _cut_out(pixels, box)
        small = pixels.resize((self.size, self.size), Image.Resampling.LANCZOS)
        array = np.asarray(small).reshape(self.size, self.size, self.channels)
        return 255 - array if self.ink else array

    def read(self, file: Path) -> np.ndarray:
        """`(size, size, channels)` uint8.

        Raises:
            UserError: if the file does not decode, or it is unknown which number is white.
        """
        try:
            return self.decode(regular_file(file, MOST))
        except UserError:
            raise
        except Exception as error:  # a damaged image can raise nearly anything
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(
                f"{file} does not decode as an image ({reason}): repair it or take it out."
            ) from error


def _cut_out(image: "Image", box: Box) -> "Image":
    """The part of an image that is in a box; raises `ValueError` if there is none."""
    left, top = max(box.left, 0), max(box.top, 0)
    right, bottom = min(box.right, image.width), min(box.bottom, image.height)
    if left >= right or top >= bottom:
        raise ValueError("its box lies outside")
    return image.crop((left, top, right, bottom))


def headers(files: list[Path]) -> dict[str, Counter[str]]:
    """How many image files have which size and which mode; damaged ones are left out."""
    from PIL import Image

    sizes, modes = Counter[str](), Counter[str]()
    for file in files:
        try:
            with Image.open(regular_file(file, MOST), formats=FORMATS) as image:
                sizes[f"{image.width}x{image.height}"] += 1
                modes[image.mode] += 1
        except Exception:  # a damaged image can raise nearly anything; packing names it
            continue
    return {"sizes": sizes, "modes": modes}


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without hidden ones; empty if the folder does not exist.

    Raises:
        UserError: if a link is broken: it may lead to a folder that is missing at the moment.
    """
    inside = _visible(folder)
    for path in inside:
        if path.is_symlink() and not path.exists():
            regular_file(path)
    return [path for path in inside if path.is_dir()]


def files(folder: Path) -> list[Path]:
    """The image files in a folder, sorted, without hidden ones; empty if it does not exist.

    Raises:
        UserError: if something with an image's name is not a file.
    """
    return [regular_file(p, MOST) for p in _visible(folder) if p.suffix.lower() in ENDINGS]


def _visible(folder: Path) -> list[Path]:
    """The content of a folder, sorted, without hidden files: macOS adds `._0.png` to `0.png`."""
    try:
        return sorted(folder / name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []


def files_of_class(folder: Path) -> list[Path]:
    """The image files of a class.

    Raises:
        UserError: if there are none.
    """
    images = files(folder)
    if not images:
        raise UserError(f"Class {folder} holds no images ({', '.join(ENDINGS)}).")
    return images
