"""Turns an opened image of any mode into the opaque 8-bit image that a viewer shows."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 2  #: increase it whenever files are read differently: folders are then packed again
FAINT = 16  #: levels of 256: a drawing with less contrast to its background is invisible

_WHITE_IS_ZERO = (262, 0)  # a TIFF's PhotometricInterpretation, which Pillow applies up to 8 bits


def as_shown(image: "Image", mode: str) -> "Image":
    """The image in mode `L` or `RGB`, turned upright by its EXIF orientation.

    16-bit images keep their full range, 0 to 65535; floats are black at 0 and white at 1. The
    background of a transparent image is white, or black if white would hide a light drawing.

    Arguments:
        image: as Pillow opened it.
        mode: `L` for grey or `RGB` for colour.

    Raises:
        ValueError: for 32-bit integers and for floats outside 0 to 1: their white is unknown.
    """
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        upright = _eight_bits(image, upright)
    return _on_background(upright, mode) if upright.has_transparency_data else upright.convert(mode)


def _eight_bits(image: "Image", upright: "Image") -> "Image":
    """An 8-bit grey image of 16-bit integers or floats; `upright` has the pixels of `image`."""
    from PIL import Image

    values = np.asarray(upright)
    if image.mode == "F":
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("its floats are not all from 0 to 1; save it with 8 or 16 bits")
        shares = values
    elif image.mode == "I" and image.format != "PNG":  # in older versions of Pillow, a 16-bit PNG
        raise ValueError("the white of 32-bit integers is unknown; save it with 8 or 16 bits")
    else:
        shares = values * np.float32(1 / 65535)
    tag, inverted = _WHITE_IS_ZERO
    if getattr(image, "tag_v2", {}).get(tag) == inverted:
        shares = 1 - shares
    grey = Image.fromarray(np.rint(255 * shares).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(values != image.info["transparency"]).convert("L"))
    return grey


def _on_background(image: "Image", mode: str) -> "Image":
    from PIL import Image

    drawing = image.convert("RGBA")
    white, black = (
        Image.alpha_composite(Image.new("RGBA", drawing.size, colour), drawing).convert(mode)
        for colour in ("white", "black")
    )
    return max(white, black, key=_contrast) if _contrast(white) < FAINT else white


def _contrast(image: "Image") -> int:
    """The largest difference of two pixels in one channel."""
    return int(np.ptp(np.asarray(image), (0, 1)).max())
