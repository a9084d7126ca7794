"""A user's own images in a NumPy archive."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from innerloop.data.sets.arrays import Arrays
from innerloop.errors import UserError
from innerloop.tasks import Episode

IMAGES = np.random.default_rng(0).integers(0, 255, (24, 8, 8, 3), np.uint8)
LABELS = np.arange(24) % 4
SPLITS = np.repeat(["train", "val", "test"], 8)


def write(file: Path, **changed: Any) -> Path:
    arrays = {"images": IMAGES, "labels": LABELS, "splits": SPLITS} | changed
    np.savez(file, **{name: value for name, value in arrays.items() if value is not None})
    return file


def test_images_of_the_size_asked_for_are_unchanged(tmp_path: Path) -> None:
    source = Arrays(str(write(tmp_path / "mine.npz")), size=8)
    for split in ("train", "val", "test"):
        assert source.pack.classes(split) == ["0", "1", "2", "3"]
        chosen = [IMAGES[(split == SPLITS) & (label == LABELS)] for label in range(4)]
        np.testing.assert_array_equal(source.pack.images(split), np.concatenate(chosen))
    task = source.tasks("test", np.arange(3), Episode(4, 1, 1), 0)
    assert task.support.inputs.shape == (3, 4, 3, 8, 8)


def test_grey_images_and_names_are_read(tmp_path: Path) -> None:
    names = np.array(["ant", "bee", "cat", "dog"])[LABELS]
    file = write(tmp_path / "mine.npz", images=IMAGES[..., 0], labels=names)
    source = Arrays(str(file), size=8, channels=1)
    assert source.pack.classes("val") == ["ant", "bee", "cat", "dog"]
    np.testing.assert_array_equal(source.pack.images("train")[:2, ..., 0], IMAGES[[0, 4], ..., 0])


def test_a_changed_file_is_packed_again(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.npz")
    before = Arrays(str(file), size=8).pack.checksum("train")
    write(file, images=255 - IMAGES)
    assert Arrays(str(file), size=8).pack.checksum("train") != before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": None}, "does not hold the arrays"),
        ({"labels": LABELS.astype(object)}, "does not hold the arrays"),
        ({"images": IMAGES / 255}, r"images is float64 \(24, 8, 8, 3\)"),
        ({"images": IMAGES[..., :2]}, r"\(24, 8, 8, 2\)"),
        ({"labels": LABELS[:5]}, r"labels \(5,\) and splits \(24,\) need one entry"),
        ({"splits": np.repeat("train", 24)}, "no image is of the split val, test"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Arrays(str(write(tmp_path / "mine.npz", **changed)), size=8).prepare()
    with pytest.raises(UserError, match=r"none\.npz is not there"):
        Arrays(str(tmp_path / "none.npz")).prepare()
