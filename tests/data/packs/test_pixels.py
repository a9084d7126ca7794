"""Every kind of image is read as it looks; numpy computes the expected values from the file's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from innerloop.data.packs.pictures import Reading
from innerloop.errors import UserError

SIZE = 8
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601-2, of red, green and blue
TURNS: dict[int, Any] = {  # what a viewer does for each EXIF orientation
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


def random(*shape: int, high: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(0, high, shape)


def read(file: Path, channels: int = 1) -> np.ndarray:
    """The image as float, `(SIZE, SIZE)` for grey, in the file's own size (not resampled)."""
    return Reading(SIZE, channels).read(file).astype(float).squeeze()


def saved(folder: Path, pixels: np.ndarray, name: str = "x.png", **more: Any) -> Path:
    Image.fromarray(pixels).save(folder / name, **more)
    return folder / name


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return colour * (alpha / 255) + 255 * (1 - alpha / 255)


def example(mode: str, folder: Path) -> tuple[Path, np.ndarray]:
    """A file of a mode, and its colours on a white background, `(SIZE, SIZE, 3)`."""
    grey, colour, alpha = random(8, 8), random(8, 8, 3), random(8, 8, 4)[..., 3]
    bytes_ = [a.astype(np.uint8) for a in (grey, colour, alpha)]
    as_colour = grey[..., None].repeat(3, -1).astype(float)
    if mode == "1":
        return saved(folder, grey > 99), 255.0 * (as_colour > 99)
    if mode == "L":
        return saved(folder, bytes_[0]), as_colour
    if mode == "LA":
        both = np.stack([bytes_[0], bytes_[2]], -1)
        return saved(folder, both), on_white(as_colour, alpha[..., None])
    if mode == "RGB":
        return saved(folder, bytes_[1]), colour
    if mode == "RGBA":
        both = np.concatenate([bytes_[1], bytes_[2][..., None]], -1)
        return saved(folder, both), on_white(colour, alpha[..., None])
    if mode == "CMYK":
        inks = random(8, 8, 4).astype(np.uint8)
        Image.fromarray(inks, "CMYK").save(folder / "x.tif")
        light = 255.0 - inks
        return folder / "x.tif", light[..., :3] * light[..., 3:] / 255
    palette = random(256, 3)
    indices = Image.fromarray(bytes_[0]).copy()
    indices.putpalette(palette.astype(np.uint8).tobytes())
    colours = palette[grey].astype(float)
    if mode == "P":
        indices.save(folder / "x.png")
        return folder / "x.png", colours
    assert mode == "P with a transparent colour"
    clear = int(grey[0, 0])
    indices.save(folder / "x.png", transparency=clear)
    return folder / "x.png", np.where((grey == clear)[..., None], 255, colours)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "P", "P with a transparent colour"]
)
def test_images_of_every_mode_have_their_exact_values(mode: str, tmp_path: Path) -> None:
    file, colours = example(mode, tmp_path)
    np.testing.assert_allclose(read(file, 3), colours, atol=1.01)
    np.testing.assert_allclose(read(file, 1), colours @ LUMA, atol=1.51)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "big-endian.tif"])
def test_images_of_16_bits_keep_their_range(name: str, tmp_path: Path) -> None:
    values = random(8, 8, high=65536)
    values[0, :2] = 0, 65535
    file = saved(tmp_path, values.astype(">u2" if "big" in name else np.uint16), name)
    np.testing.assert_allclose(read(file), values / 65535 * 255, atol=0.51)
    np.testing.assert_allclose(read(file, 3)[..., 1], values / 65535 * 255, atol=0.51)


def test_a_16_bit_tiff_with_white_as_zero_is_inverted(tmp_path: Path) -> None:
    values = random(8, 8, high=65536)
    file = saved(tmp_path, values.astype(np.uint16), "x.tif", tiffinfo={262: 0})
    np.testing.assert_allclose(read(file), 255 - values / 65535 * 255, atol=0.51)


def test_a_transparent_grey_of_16_bits_is_white(tmp_path: Path) -> None:
    values = random(8, 8, high=60000)
    values[2:4] = 1234
    file = saved(tmp_path, values.astype(np.uint16), transparency=1234)
    expected = np.where(values == 1234, 255, values / 65535 * 255)
    np.testing.assert_allclose(read(file), expected, atol=0.51)


def test_floats_are_black_at_0_and_white_at_1(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64).reshape(8, 8)
    file = saved(tmp_path, values.astype(np.float32), "x.tif")
    np.testing.assert_allclose(read(file), values * 255, atol=0.51)


@pytest.mark.parametrize(
    "values",
    [
        random(8, 8).astype(np.int32),
        random(8, 8).astype(np.float32),
        np.full((8, 8), np.nan, np.float32),
        np.full((8, 8), -0.1, np.float32),
    ],
)
def test_an_image_without_a_known_white_level_is_refused(
    values: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"x\.tif does not decode.*save it with 8 or 16 bits"):
        read(saved(tmp_path, values, "x.tif"))


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (250, 250, 250), (255, 255, 0)])
def test_drawings_on_a_transparent_background_stay_visible_and_distinct(
    ink: tuple[int, int, int], tmp_path: Path
) -> None:
    pictures = []
    for row in (1, 5):
        drawing = np.zeros((8, 8, 4), np.uint8)
        drawing[row, 2:6] = (*ink, 255)
        shown = read(saved(tmp_path, drawing))
        assert np.ptp(shown) > 20
        assert len(np.unique(shown)) == 2
        np.testing.assert_array_equal(shown == shown[row, 2], drawing[..., 3] > 0)
        pictures.append(shown)
    assert not np.array_equal(*pictures)


def test_fully_transparent_images_and_opaque_white_ones_are_white(
    tmp_path: Path,
) -> None:
    assert (read(saved(tmp_path, np.zeros((8, 8, 4), np.uint8))) == 255).all()
    assert (read(saved(tmp_path, np.full((8, 8, 4), 255, np.uint8))) == 255).all()


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.jpg"])
def test_photos_are_turned_upright_by_their_exif_tag(
    orientation: int, name: str, tmp_path: Path
) -> None:
    exif, picture = Image.Exif(), np.zeros((8, 8), np.uint8)
    exif[0x0112] = orientation
    picture[:4, :2], picture[:4, 2:] = 255, 128  # unlike all its rotations and mirror images
    more = {"quality": 100} if name == "x.jpg" else {}
    shown = read(saved(tmp_path, picture, name, exif=exif, **more))
    np.testing.assert_allclose(shown, TURNS[orientation](picture), atol=8 if more else 0)


def test_a_16_bit_image_is_turned_upright_by_its_exif_tag(tmp_path: Path) -> None:
    exif, values = Image.Exif(), random(8, 8, high=65536)
    exif[0x0112] = 6
    file = saved(tmp_path, values.astype(np.uint16), exif=exif)
    np.testing.assert_allclose(read(file), np.rot90(values, -1) / 65535 * 255, atol=0.51)


def test_ink_is_the_inverse_of_the_resized_grey_image(tmp_path: Path) -> None:
    drawing = Image.fromarray(random(105, 105) > 20)
    drawing.save(tmp_path / "x.png")
    small = drawing.convert("L").resize((28, 28), Image.Resampling.LANCZOS)
    pixels = Reading(28, 1, ink=True).read(tmp_path / "x.png")
    np.testing.assert_array_equal(pixels[..., 0], 255 - np.asarray(small))


def test_other_formats_under_an_image_name_are_refused(tmp_path: Path) -> None:
    script = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n({tmp_path}/made) (w) file\n"
    (tmp_path / "x.png").write_text(script + "showpage\n%%EOF\n")
    with pytest.raises(UserError, match=r"x\.png does not decode"):
        read(tmp_path / "x.png")
    assert not (tmp_path / "made").exists()
    Image.new("L", (8, 8)).save(tmp_path / "y.tga")
    (tmp_path / "y.tga").rename(tmp_path / "y.png")
    with pytest.raises(UserError, match=r"y\.png does not decode"):  # though Pillow reads it
        read(tmp_path / "y.png")
