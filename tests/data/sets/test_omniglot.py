"""Omniglot from its zips: generated ones in the publisher's layout, and real ones if available."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data import real
from PIL import Image

from innerloop.data.sets import omniglot
from innerloop.data.sets.omniglot import Omniglot
from innerloop.errors import UserError
from innerloop.tasks import Episode

LISTS = {"train": ["Greek/character01", "Latin/character02"], "val": ["Greek/character02"]}


@pytest.fixture(autouse=True)
def _few_characters(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real" not in request.node.name:  # tests of the real split keep the real lists
        lists = LISTS | {"test": ["Latin/character01"]}
        monkeypatch.setattr(omniglot, "_class_list", lists.__getitem__)


def drawing(number: int) -> Image.Image:
    ink = np.ones((105, 105), bool)
    ink[10 + number : 14 + number, 20:90] = False  # a black stroke on white, as published
    return Image.fromarray(ink)


def publish(data: Path, drawings: int = 20) -> Path:
    """Zips of four characters in the publisher's layout."""
    (data / "omniglot").mkdir(parents=True)
    for name, alphabet in (("background", "Greek"), ("evaluation", "Latin")):
        with zipfile.ZipFile(data / "omniglot" / f"images_{name}.zip", "w") as archive:
            for character in (1, 2):
                for number in range(drawings):
                    png = io.BytesIO()
                    drawing(number + 25 * (character - 1) + (name == "evaluation")).save(png, "PNG")
                    place = f"images_{name}/{alphabet}/character{character:02}"
                    archive.writestr(f"{place}/0001_{number + 1:02}.png", png.getvalue())
    return data


def test_reads_characters_of_each_split(tmp_path: Path) -> None:
    source = Omniglot(str(publish(tmp_path)))
    assert source.pack.classes("train") == LISTS["train"]
    assert source.pack.images("train").shape == (40, 28, 28, 1)
    small = drawing(0).convert("L").resize((28, 28), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(source.pack.images("train")[0, ..., 0], 255 - np.asarray(small))


def test_missing_drawings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="are not Omniglot: 4 of its 4 characters"):
        Omniglot(str(publish(tmp_path, drawings=19))).prepare()


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    file = publish(tmp_path) / "omniglot" / "images_background.zip"
    file.write_bytes(file.read_bytes()[:-3000])
    with pytest.raises(UserError, match="damaged or cut short"):
        Omniglot(str(tmp_path)).prepare()


def test_an_altered_zip_is_refused(tmp_path: Path) -> None:
    file = publish(tmp_path) / "omniglot" / "images_background.zip"
    data = bytearray(file.read_bytes())
    data[90:110] = bytes(20)  # inside the first image
    file.write_bytes(data)
    with pytest.raises(UserError, match="is damaged"):
        Omniglot(str(tmp_path)).prepare()


def test_hidden_files_in_a_zip_are_ignored(tmp_path: Path) -> None:
    file = publish(tmp_path) / "omniglot" / "images_background.zip"
    with zipfile.ZipFile(file, "a") as archive:
        for folder in ("images_background", "__MACOSX/images_background"):
            archive.writestr(f"{folder}/Greek/character01/._0001_01.png", b"of macOS")
    assert Omniglot(str(tmp_path)).pack.images("train").shape == (40, 28, 28, 1)


def test_a_drawing_that_decompresses_to_a_huge_size_is_refused(tmp_path: Path) -> None:
    file = publish(tmp_path, drawings=19) / "omniglot" / "images_background.zip"
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for character in (1, 2):
            name = f"images_background/Greek/character{character:02}/0001_20.png"
            archive.writestr(name, bytes(2**26))
    other = file.with_name("images_evaluation.zip")
    with zipfile.ZipFile(other, "a") as archive:
        for character in (1, 2):
            png = io.BytesIO()
            drawing(70 + character).save(png, "PNG")
            name = f"images_evaluation/Latin/character{character:02}/0001_20.png"
            archive.writestr(name, png.getvalue())
    tracemalloc.start()
    with pytest.raises(UserError, match=r"0001_20\.png in .* is damaged"):
        Omniglot(str(tmp_path)).prepare()
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_the_class_lists_are_those_of_the_real_split() -> None:
    names = {split: omniglot._class_list(split) for split in ("train", "val", "test")}
    assert {split: len(classes) for split, classes in names.items()} == {
        "train": 1028, "val": 172, "test": 423,
    }  # fmt: skip
    assert len(set().union(*names.values())) == 1623


@pytest.mark.slow
def test_the_real_images_equal_an_independent_packing(tmp_path: Path) -> None:
    source = Omniglot(str(real.folder("omniglot", tmp_path)))
    reference = np.load(real.beside("omniglot/omniglot_28.npz"))
    names = [f"{a}/{c}" for a, c in zip(reference["alphabet"], reference["character"], strict=True)]
    place, drawn = {name: i for i, name in enumerate(names)}, reference["images"]
    for split, total in (("train", 1028), ("val", 172), ("test", 423)):
        images, start = source.pack.images(split), 0
        assert len(source.pack.classes(split)) == total
        for name, count in zip(source.pack.classes(split), source.pack.counts(split), strict=True):
            if count == 20:  # otherwise a copy was left out
                ours = 255 - images[start : start + 20, ..., 0]
                np.testing.assert_array_equal(ours, drawn[place[name]])
            start += count


@pytest.mark.slow
def test_the_split_of_lake_has_metadatasets_classes_and_whole_alphabets(tmp_path: Path) -> None:
    """Numbers of classes as Meta-Dataset's README gives them, and the alphabets of its code."""
    source = Omniglot(str(real.folder("omniglot", tmp_path)), split="lake", rotations=False)
    sizes = {split: len(source.pack.counts(split)) for split in ("train", "val", "test")}
    assert sizes == {"train": 883, "val": 81, "test": 659}
    assert sorted(np.bincount(source.groups("val"))) == [14, 14, 16, 17, 20]
    alphabets = {s: {n.split("/")[0] for n in source.pack.classes(s)} for s in sizes}
    assert {split: len(names) for split, names in alphabets.items()} == {
        "train": 25, "val": 5, "test": 20,
    }  # fmt: skip
    assert alphabets["val"] == {
        "Blackfoot_(Canadian_Aboriginal_Syllabics)", "Ojibwe_(Canadian_Aboriginal_Syllabics)",
        "Inuktitut_(Canadian_Aboriginal_Syllabics)", "Tagalog", "Alphabet_of_the_Magi",
    }  # fmt: skip
    episode = Episode(5, 1, 5, drawn_from="group")
    classes = source.classes("test", np.arange(200), episode, 0)
    of_alphabet = source.groups("test")[classes]
    assert classes.shape == (200, 5) and (of_alphabet == of_alphabet[:, :1]).all()
    assert source.tasks("test", np.arange(3), episode, 0).support.inputs.shape == (3, 5, 1, 28, 28)


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset\.split=mine: .* vinyals and lake"):
        Omniglot(str(tmp_path), split="mine")
