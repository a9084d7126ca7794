"""A user's own images, and mistakes in them."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from innerloop.data.sets.folder import Folder
from innerloop.errors import UserError
from innerloop.tasks import Episode, Padded, Range

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


def test_a_folder_for_each_split_is_read(three: Path) -> None:
    source = Folder(str(three), size=8)
    task = source.tasks("train", np.arange(2), Episode(3, 1, 2), seed=0)
    assert task.query.inputs.shape == (2, 6, 3, 8, 8)
    assert source.pack.classes("val") == list(CLASSES)
    expected = image(0).resize((8, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(source.pack.images("train")[0], np.asarray(expected))


def test_one_folder_with_a_split_list_is_read(tmp_path: Path) -> None:
    fill(tmp_path / "mine")
    (tmp_path / "split.yaml").write_text("train: [bee]\nval: [ant]\ntest: [cat]\n")
    source = Folder(str(tmp_path / "mine"), str(tmp_path / "split.yaml"), size=8)
    assert [source.pack.classes(s) for s in ("train", "val", "test")] == [["bee"], ["ant"], ["cat"]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
def test_every_mode_of_image_is_read(three: Path, mode: str) -> None:
    plain = np.full((8, 8, 3), (200, 100, 40), np.uint8)  # jpg colours are not exact
    file = three / "train" / "ant" / ("x.jpg" if mode == "CMYK" else "x.png")
    Image.fromarray(plain).convert(mode).save(file)
    luma = 0.299 * 200 + 0.587 * 100 + 0.114 * 40
    for channels in (1, 3):
        source = Folder(str(three), size=8, channels=channels)
        assert source.pack.images("train").shape == (13, 8, 8, channels)
        colour = source.pack.images("train")[4].mean((0, 1))  # the last of the ants
        expected = (200, 100, 40) if channels == 3 and mode not in ("1", "L") else luma
        np.testing.assert_allclose(colour, expected, atol=12 if mode == "1" else 5)


def test_a_changed_folder_is_packed_again(three: Path) -> None:
    assert len(Folder(str(three), size=8).pack.images("train")) == 12
    image(999).save(three / "train" / "cat" / "new.png")
    assert len(Folder(str(three), size=8).pack.images("train")) == 13


@pytest.mark.parametrize("damage", ["text", "cut", "empty"])
def test_an_image_that_does_not_decode_is_named(three: Path, damage: str) -> None:
    file = three / "val" / "bee" / "2.png"
    whole = file.read_bytes()
    file.write_bytes(
        {"text": b"not an image", "cut": whole[: len(whole) // 2], "empty": b""}[damage]
    )
    with pytest.raises(UserError, match=r"val/bee/2\.png does not decode"):
        Folder(str(three)).prepare()


@pytest.mark.parametrize("episode", [Episode(2, 1, 1), Episode(Range(1, 2), Range(1, 3), 1)])
def test_a_class_with_too_few_images_is_left_out_with_a_line(
    three: Path, episode: Episode, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        (three / "test" / "bee" / f"{number}.png").unlink()
    source, indices = Folder(str(three), size=8), np.arange(60)
    source.check("test", episode)
    assert "1 of 3 classes of the test split of folder are left out" in caplog.text
    assert "fewer images than the 2 of a task: bee (1)." in caplog.text
    classes = source.classes("test", indices, episode, 0)
    assert set(np.unique(classes)) - {-1} == {0, 2}
    support = source.tasks("test", indices, episode, 0).support
    cats = {row.tobytes() for row in source.pack.images("test")[5:].reshape(4, -1)}
    images = support.inputs.values if isinstance(support.inputs, Padded) else support.inputs
    pixels = images.movedim(2, -1).reshape(*support.targets.shape, -1).numpy()
    for task, row in np.argwhere(support.targets.numpy() >= 0):
        is_cat = classes[task, support.targets[task, row]] == 2
        assert (pixels[task, row].tobytes() in cats) == is_cat


def test_too_few_usable_classes_are_refused(three: Path) -> None:
    for number in (1, 2, 3):
        (three / "test" / "cat" / f"{number}.png").unlink()
    source = Folder(str(three), size=8)
    with pytest.raises(UserError, match=r"test split of folder has 2 classes, fewer than"):
        source.check("test", Episode(3, 1, 1))
    with pytest.raises(UserError, match=r"Class cat of the test split of folder has 1 images"):
        source.check("test", Episode(3, 9, 1))


def test_a_table_is_read_like_the_folder_that_it_lists(three: Path, tmp_path: Path) -> None:
    files = sorted(three.rglob("*.png"), reverse=True)
    rows = [f"{f.relative_to(tmp_path)},{f.parent.name},{f.parent.parent.name}" for f in files]
    table = tmp_path / "list.csv"
    table.write_text("path,label,split\n" + "\n".join([*rows, "", ""]))
    ours, reference = Folder(str(table), size=8), Folder(str(three), size=8)
    for split in ("train", "val", "test"):
        assert ours.pack.classes(split) == reference.pack.classes(split)
        one, other = (
            {image.tobytes() for image in source.pack.images(split)} for source in (ours, reference)
        )
        assert one == other
    names = "".join(f"{s}: [{n}]\n" for s, n in zip(("train", "val", "test"), CLASSES, strict=True))
    (tmp_path / "names.yaml").write_text(names)
    table.write_text("label,path\n" + "".join(f"{f.parent.name},{f}\n" for f in files))
    listed = Folder(str(table), str(tmp_path / "names.yaml"), size=8)
    assert [listed.pack.classes(s) for s in ("train", "val", "test")] == [[n] for n in CLASSES]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label,split\n", "no column path: its first line"),
        ("path,label\nx.png,ant\n", "no column split"),
        ("path,label,split\nx.png,,train\n", "Line 2 of .* has no"),
        ("path,label,split\nnone.png,ant,train\n", r"none\.png is not there"),
        ("path,label,split\n", "no images of the split train, val, test"),
        ("", "no column path, label, split"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        Folder(str(tmp_path / "list.csv")).prepare()


def test_missing_images_and_folders_are_named(three: Path, tmp_path: Path) -> None:
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
        ("train: []\nval: [ant]\ntest: [cat]\n", "does not hold lists"),
        ("train: bee\nval: [ant]\ntest: [cat]\n", "does not hold lists"),
        ("train: [[bee]]\nval: [ant]\ntest: [cat]\n", "does not hold lists"),
        ("- bee", "does not hold lists"),
        ("[" * 100_000, "does not hold lists"),
        ("a: &a [x]\n" + "".join(f"b{i}: &a [*a, *a]\n" for i in range(99)), "not hold lists"),
    ],
)
def test_a_split_list_that_does_not_fit_the_folder_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    fill(tmp_path / "mine")
    (tmp_path / "split.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        Folder(str(tmp_path / "mine"), str(tmp_path / "split.yaml")).prepare()


def test_class_names_in_a_list_are_read_as_text(tmp_path: Path) -> None:
    names = ["010", "8", "yes", "True", "null", "1e3", "2020-01-01", "~", "0x10", "1_000", "0.50"]
    for i, name in enumerate(names):
        (tmp_path / "mine" / name).mkdir(parents=True)
        image(i).save(tmp_path / "mine" / name / "0.png")
    listed = {"train": names[:1], "val": names[1:2], "test": names[2:]}
    text = "".join(f"{split}: [{', '.join(part)}]\n" for split, part in listed.items())
    (tmp_path / "split.yaml").write_text(text)
    source = Folder(str(tmp_path / "mine"), str(tmp_path / "split.yaml"), size=8)
    for split, expected in listed.items():
        assert source.pack.classes(split) == expected
    expected = image(0).resize((8, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(source.pack.images("train")[0], np.asarray(expected))


def test_a_split_list_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "mine")
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UserError, match=r"pipe\.yaml is a pipe or a device"):
        Folder(str(tmp_path / "mine"), str(tmp_path / "pipe.yaml")).prepare()
    with pytest.raises(UserError, match=r"none\.yaml is not there"):
        Folder(str(tmp_path / "mine"), str(tmp_path / "none.yaml")).prepare()


def test_class_names_in_two_splits_are_reported_once_a_run(
    three: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.move(three / "test" / "cat", three / "test" / "dog")
    for run in range(2):  # one that packs the folder, and one that finds the pack
        caplog.clear()
        source = Folder(str(three), size=8)
        source.prepare()
        source.prepare()
        (warning,) = [r.getMessage() for r in caplog.records if "class names" in r.getMessage()]
        assert "ant (train, val, test); bee (train, val, test); cat (train, val)." in warning, run
        assert "dog" not in warning


def test_images_in_two_splits_are_reported_once_a_run(
    three: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split in ("val", "test"):
        for number, file in enumerate(sorted((three / split).rglob("*.png"))):
            image(1000 + number + 100 * (split == "val")).save(file)
    shutil.copy(three / "train" / "bee" / "1.png", three / "test" / "cat" / "x.png")
    for _ in range(2):
        caplog.clear()
        Folder(str(three), size=8).prepare()
        (warning,) = [r.getMessage() for r in caplog.records if "two splits" in r.getMessage()]
        assert warning == "1 images of folder are in two splits: test/cat and train/bee share one."


def test_hidden_files_and_folders_are_ignored(three: Path) -> None:
    (three / "train" / ".Trash").mkdir()
    (three / "train" / "ant" / "._0.png").write_bytes(b"\0\5\x16\7 of macOS")
    assert len(Folder(str(three), size=8).pack.images("train")) == 12


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 0), ("size", "large"), ("size", 8.5), ("channels", 2), ("std", [0.0]),
        ("std", [1, 2]), ("std", -1), ("std", None), ("mean", "dark"), ("mean", [float("nan")]),
        ("mean", [[0.5]]), ("mean", []),
    ],
)  # fmt: skip
def test_impossible_image_settings_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"dataset.{key}="):
        Folder(str(tmp_path), **{key: value})


def test_files_added_while_packing_are_noticed(
    three: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Watched(Folder):
        def read(self) -> Any:
            image(5).save(three / "train" / "ant" / "late.png")
            return super().read()

    with pytest.raises(UserError, match="changed while they were packed"):
        Watched(str(three), size=8).prepare()
    assert len(Folder(str(three), size=8).pack.images("train")) == 13


def test_small_classes_give_all_the_images_they_have(three: Path) -> None:
    """Ten ants, four bees and two cats: one for the support and one for the query."""
    for number in range(4, 10):
        image(500 + number).save(three / "train" / "ant" / f"{number}.png")
    for number in (2, 3):
        (three / "train" / "cat" / f"{number}.png").unlink()
    source, indices = Folder(str(three), size=8), np.arange(40)
    for episode in (Episode(3, 3, 1), Episode(3, Range(3, 5), 4)):  # need four images of a class
        with pytest.raises(UserError, match=r"has 2 classes, fewer than episode\.ways=3"):
            source.check("train", episode)
    episode = Episode(3, Range(1, 5), 4)
    source.check("train", episode)
    classes = source.classes("train", indices, episode, 0)
    sets = source.tasks("train", indices, episode, 0)
    shown, queries = (
        np.array([np.bincount(row[row >= 0], minlength=3) for row in part.targets]) for part in sets
    )
    drawn = shown[classes == 0]  # there are enough ants for every size that was drawn
    assert set(drawn) == {1, 2, 3, 4, 5} and set(queries[classes == 0]) == {4}
    assert (shown[classes == 1] == np.minimum(drawn, 3)).all()
    assert (queries[classes == 1] == 4 - np.minimum(drawn, 3)).all()
    assert (shown[classes == 2] == 1).all() and (queries[classes == 2] == 1).all()
