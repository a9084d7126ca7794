"""Image files: where a user's lie, and how one becomes an array."""

from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from innerloop.errors import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


class Reading(NamedTuple):
    """How an image file becomes an input of a data set.

    Arguments:
        size: height and width, to which images are resized with Lanczos' filter.
        channels: 3 for colour, 1 for grey.
        ink: whether images are dark on light and are kept light on dark.
    """

    size: int
    channels: int
    ink: bool = False

    def decode(self, file: Path | IO[bytes]) -> np.ndarray:
        """`(size, size, channels)` uint8; raises what Pillow raises for a file that is no image."""
        from PIL import Image

        with Image.open(file) as image:
            pixels = image.convert("L" if self.channels == 1 else "RGB")
            small = pixels.resize((self.size, self.size), Image.Resampling.LANCZOS)
        array = np.asarray(small).reshape(self.size, self.size, self.channels)
        return 255 - array if self.ink else array

    def read(self, file: Path) -> np.ndarray:
        """`(size, size, channels)` uint8.

        Raises:
            UserError: if the file does not decode.
        """
        from PIL import Image

        try:
            return self.decode(file)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(
                f"{file} does not decode as an image ({' '.join(str(error).split())[:80]}): "
                "repair it or take it out."
            ) from error


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name; none if there is no such folder."""
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return []


def files(folder: Path) -> list[Path]:
    """The image files in a folder, by name; none if there is no such folder."""
    try:
        return sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS)
    except OSError:
        return []


def files_of_class(folder: Path) -> list[Path]:
    """The image files of a class.

    Raises:
        UserError: if there are none.
    """
    found = files(folder)
    if not found:
        raise UserError(f"Class {folder} holds no images ({', '.join(ENDINGS)}).")
    return found
