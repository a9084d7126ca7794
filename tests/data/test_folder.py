"""A user's own images, and the mistakes in them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from innerloop.data.folder import Folder
from innerloop.errors import UserError
from innerloop.tasks import Episode

CLASSES = ("ant", "bee", "cat")


def image(seed: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (10, 12, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def fill(root: Path, count: int = 4) -> Path:
    """Folders of three classes with a few images each."""
    for i, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(count):
            image(i * 100 + number).save(root / name / f"{number}.png")
    return root


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for split in ("train", "val", "test"):
        fill(tmp_path / "mine" / split)
    return tmp_path / "mine"


def test_three_folders(three: Path) -> None:
    source = Folder(str(three), size=8)
    task = source.tasks("train", np.arange(2), Episode(3, 1, 2), seed=0)
    assert task.query.inputs.shape == (2, 6, 3, 8, 8)
    assert source.pack.classes("val") == list(CLASSES)
    expected = image(0).resize((8, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(source.pack.images("train")[0], np.asarray(expected))


def test_one_tree_and_a_list(tmp_path: Path) -> None:
    fill(tmp_path / "mine")
    (tmp_path / "split.yaml").write_text("train: [bee]\nval: [ant]\ntest: [cat]\n")
    source = Folder(str(tmp_path / "mine"), str(tmp_path / "split.yaml"), size=8)
    assert [source.pack.classes(s) for s in ("train", "val", "test")] == [["bee"], ["ant"], ["cat"]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
def test_every_mode_of_image_is_read(three: Path, mode: str) -> None:
    image(7, mode).save(three / "train" / "ant" / ("x.jpg" if mode == "CMYK" else "x.png"))
    for channels in (1, 3):
        source = Folder(str(three), size=8, channels=channels)
        assert source.pack.images("train").shape == (13, 8, 8, channels)


def test_a_changed_folder_is_packed_anew(three: Path) -> None:
    assert len(Folder(str(three), size=8).pack.images("train")) == 12
    image(999).save(three / "train" / "cat" / "new.png")
    assert len(Folder(str(three), size=8).pack.images("train")) == 13


@pytest.mark.parametrize("damage", ["text", "cut", "empty"])
def test_an_image_that_does_not_decode(three: Path, damage: str) -> None:
    file = three / "val" / "bee" / "2.png"
    whole = file.read_bytes()
    file.write_bytes(
        {"text": b"not an image", "cut": whole[: len(whole) // 2], "empty": b""}[damage]
    )
    with pytest.raises(UserError, match=r"val/bee/2\.png does not decode"):
        Folder(str(three)).prepare()


def test_a_class_with_too_few_images(three: Path) -> None:
    for number in (1, 2, 3):
        (three / "test" / "cat" / f"{number}.png").unlink()
    source = Folder(str(three), size=8)
    with pytest.raises(UserError, match=r"Class cat of the test split of folder has 1 images"):
        source.check("test", Episode(3, 1, 1))


def test_what_is_missing_is_named(three: Path, tmp_path: Path) -> None:
    (three / "test" / "dog").mkdir()
    with pytest.raises(UserError, match="test/dog holds no images"):
        Folder(str(three)).prepare()
    with pytest.raises(UserError, match=r"nowhere/train has no folders of classes"):
        Folder(str(tmp_path / "nowhere")).prepare()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [bee]\nval: [ant]\ntest: [dog]\n", r"no folder: \['dog'\]"),
        ("train: [bee]\nval: [bee]\ntest: [cat]\n", "names a class twice"),
        ("train: [bee]\n", "does not hold lists"),
        ("[", "does not hold lists"),
    ],
)
def test_a_split_that_does_not_fit(tmp_path: Path, text: str, message: str) -> None:
    fill(tmp_path / "mine")
    (tmp_path / "split.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        Folder(str(tmp_path / "mine"), str(tmp_path / "split.yaml")).prepare()
