"""Packs are complete or absent, whatever happens while they are built."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from innerloop.data.packs import pack
from innerloop.data.packs.folders import name_of, pack_folder
from innerloop.data.packs.pack import open_pack
from innerloop.data.packs.packing import build_pack, open_or_build
from innerloop.data.packs.writing import Classes
from innerloop.errors import UserError

RECIPE = {"made": "by the test"}


def classes(seed: int = 0, count: int = 3) -> Classes:
    random = np.random.default_rng(seed)
    for name in "abc"[:count]:
        yield name, random.integers(0, 255, (4, 2, 2, 1), np.uint8)


def build(folder: Path) -> pack.Pack:
    return build_pack(folder, RECIPE, lambda: {"train": classes(0), "test": classes(1)})


def left(folder: Path) -> list[str]:
    """The entries of a folder except for the lock."""
    return sorted(set(os.listdir(folder)) - {".packed.lock"})


def test_a_pack_holds_the_images_it_was_built_from(tmp_path: Path) -> None:
    build(tmp_path / "packed")
    opened = open_pack(tmp_path / "packed", RECIPE)
    assert opened is not None
    expected = np.concatenate([images for _, images in classes(1)])
    np.testing.assert_array_equal(opened.images("test"), expected)
    assert opened.classes("test") == ["a", "b", "c"]
    assert list(opened.counts("test")) == [4, 4, 4]
    assert left(tmp_path) == ["packed"]


def test_another_recipe_is_another_pack(tmp_path: Path) -> None:
    build(tmp_path / "packed")
    assert open_pack(tmp_path / "packed", {"made": "otherwise"}) is None
    assert open_pack(tmp_path / "nowhere", RECIPE) is None
    other = build_pack(tmp_path / "packed", {"made": "otherwise"}, lambda: {"train": classes(2)})
    assert other.record["recipe"] == {"made": "otherwise"}


def test_a_changed_byte_is_noticed_and_the_pack_rebuilt(tmp_path: Path) -> None:
    folder = build(tmp_path / "packed").folder
    data = bytearray((folder / "train.u8").read_bytes())
    data[5] ^= 1
    (folder / "train.u8").write_bytes(data)
    assert open_pack(folder, RECIPE) is None
    build(folder)
    assert open_pack(folder, RECIPE) is not None


@pytest.mark.parametrize(
    "damage",
    [
        "truncated", "missing", "pipe", "link", "record", "deep", "list", "shape", "shapes",
        "counts", "negative", "names", "pipe of a record",
    ],
)  # fmt: skip
def test_a_damaged_pack_is_rebuilt(tmp_path: Path, damage: str) -> None:
    folder = build(tmp_path / "packed").folder
    record = json.loads((folder / "pack.json").read_text())
    part = record["splits"]["train"]
    if damage == "truncated":
        os.truncate(folder / "train.u8", 3)
    elif damage in ("missing", "pipe", "link"):
        (folder / "test.u8").unlink()
        if damage == "pipe":
            os.mkfifo(folder / "test.u8")
        elif damage == "link":
            (folder / "test.u8").symlink_to("nowhere")
    elif damage == "pipe of a record":
        (folder / "pack.json").unlink()
        os.mkfifo(folder / "pack.json")
    else:
        part |= {
            "shape": {"shape": [10**9, 10**9, 1, 1]},
            "shapes": {"shape": "large"},
            "counts": {"counts": [4, 4, 5]},
            "negative": {"counts": [-4, 8, 8]},
            "names": {"classes": ["a"]},
        }.get(damage, {})
        texts = {"record": '{"recipe":', "deep": "[" * 100_000, "list": "[1]"}
        (folder / "pack.json").write_text(texts.get(damage, json.dumps(record)))
    assert open_pack(folder, RECIPE) is None
    assert len(build(folder).images("train")) == 12


def test_a_touched_file_with_the_same_contents_opens(tmp_path: Path) -> None:
    folder = build(tmp_path / "packed").folder
    os.utime(folder / "train.u8", (1, 1))
    assert open_pack(folder, RECIPE) is not None


def test_copies_within_a_split_are_left_out_and_across_splits_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = np.arange(16, dtype=np.uint8).reshape(4, 2, 2, 1)
    twice = np.concatenate([images, images[:1]])
    with caplog.at_level(logging.WARNING):
        packed = build_pack(
            tmp_path / "packed", RECIPE, lambda: {
                "train": [("a", twice), ("b", images[2:] + 100)], "test": [("c", images[1:2])],
            },
        )  # fmt: skip
    assert list(packed.counts("train")) == [4, 2]
    assert list(packed.counts("test")) == [1]
    assert "one of train/a left out of train/a" in caplog.text
    assert packed.record["shared"] == ["test/c and train/a share one"]


def test_repeated_copies_of_an_image_of_another_split_are_left_out(tmp_path: Path) -> None:
    image = np.full((1, 2, 2, 1), 7, np.uint8)
    splits = {"train": [("a", image)], "test": [("b", np.repeat(image, 3, 0)), ("c", image)]}
    packed = build_pack(tmp_path / "packed", RECIPE, lambda: splits)
    assert list(packed.counts("test")) == [1, 0]


def test_an_error_while_building_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[str, np.ndarray]]:
        yield from classes(0, 1)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space") as caught:
        build_pack(tmp_path / "packed", RECIPE, lambda: {"train": failing()})
    assert caught.value.filename == str(tmp_path / "packed")
    assert left(tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from innerloop.data.packs.packing import build_pack

def classes():
    yield "a", np.zeros((1, 2, 2, 1), np.uint8)
    os.kill(os.getpid(), signal.SIGKILL)

build_pack(Path(sys.argv[1]), {"made": "by the test"}, lambda: {"train": classes()})
"""


def test_a_killed_build_is_cleaned_up_and_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    source = Path(pack.__file__).parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)],
        env=os.environ | {"PYTHONPATH": str(source)}, capture_output=True,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert left(tmp_path) == [".packed.part"], "a half-written pack was expected"
    assert open_pack(folder, RECIPE) is None
    build(folder)
    assert left(tmp_path) == ["packed"]


def test_a_pack_for_a_read_only_folder_goes_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert pack_folder(tmp_path / "data", "omniglot") == tmp_path / "data" / "packed"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root
    place = pack_folder(tmp_path / "data", "omniglot")
    assert place.parent == tmp_path / "cache" / "innerloop"
    assert place != pack_folder(tmp_path / "other", "omniglot")


def test_one_of_two_processes_packs_and_the_other_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    started, release, reads = threading.Event(), threading.Event(), []

    def read() -> dict[str, Classes]:
        reads.append(threading.get_ident())
        started.set()
        assert release.wait(60)
        return {"train": classes(0)}

    def run() -> None:
        build_pack(tmp_path / "packed", RECIPE, read)

    threads = [threading.Thread(target=run) for _ in range(2)]
    with caplog.at_level(logging.WARNING):
        threads[0].start()
        assert started.wait(60)
        threads[1].start()
        while "waiting for it" not in caplog.text and threads[1].is_alive():
            threads[1].join(0.01)
        release.set()
        for thread in threads:
            thread.join(60)
    assert len(reads) == 1
    assert open_pack(tmp_path / "packed", RECIPE) is not None


def packed(data: Path, recipe: dict, seed: int = 0) -> pack.Pack:
    return open_or_build(data, "it", lambda: recipe, lambda: {"train": classes(seed)})


def test_every_recipe_has_a_folder_of_its_own(tmp_path: Path) -> None:
    first, second = packed(tmp_path, {"size": 1}, 0), packed(tmp_path, {"size": 2}, 1)
    assert first.folder.parent == second.folder.parent == tmp_path / "packed"
    assert first.folder != second.folder
    assert packed(tmp_path, {"size": 1}, 2).checksum("train") == first.checksum("train")


def test_a_pack_in_the_old_location_is_used_and_not_changed(tmp_path: Path) -> None:
    build_pack(tmp_path / "packed", RECIPE, lambda: {"train": classes(0)})
    old = {file: file.read_bytes() for file in (tmp_path / "packed").iterdir()}
    assert packed(tmp_path, RECIPE, 1).folder == tmp_path / "packed"
    other = packed(tmp_path, {"made": "otherwise"}, 1)
    assert other.folder == tmp_path / "packed" / name_of({"made": "otherwise"})
    assert {file: file.read_bytes() for file in old} == old


def test_an_open_pack_does_not_change_when_its_folder_does(tmp_path: Path) -> None:
    packed = build(tmp_path / "packed")
    expected = np.array(packed.images("test"))
    (packed.folder / "pack.json").write_text("damaged")
    build_pack(packed.folder, RECIPE, lambda: {"train": classes(5), "test": classes(6)})
    np.testing.assert_array_equal(packed.images("test"), expected)


def test_another_process_opens_the_same_pack_or_fails(tmp_path: Path) -> None:
    packed = build(tmp_path / "packed")
    sent = pickle.dumps(packed)
    np.testing.assert_array_equal(pickle.loads(sent).images("test"), packed.images("test"))
    (packed.folder / "pack.json").write_text("damaged")
    build_pack(packed.folder, RECIPE, lambda: {"train": classes(0), "test": classes(6)})
    with pytest.raises(UserError, match="was changed while a run read it"):
        pickle.loads(sent)


@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_a_file_in_place_of_the_packs_folder_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "file":
        (tmp_path / "packed").write_text("a user's")
    else:
        (tmp_path / "packed").symlink_to("nowhere")
    with pytest.raises(UserError, match="packed is the folder for packed images"):
        packed(tmp_path, RECIPE)
    assert [p.name for p in tmp_path.iterdir()] == ["packed"]


def test_a_read_only_packs_folder_is_read_and_new_packs_go_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    beside = packed(tmp_path / "data", {"size": 1})
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert packed(tmp_path / "data", {"size": 1}).folder == beside.folder
    other = packed(tmp_path / "data", {"size": 2})
    assert other.folder.is_relative_to(tmp_path / "cache")
    assert packed(tmp_path / "data", {"size": 2}).folder == other.folder


@pytest.mark.parametrize("kind", ["file", "pipe", "link", "empty folder"])
def test_anything_in_the_place_of_a_pack_is_replaced(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "packed" / name_of(RECIPE)
    place.parent.mkdir()
    make = {
        "file": lambda: place.write_text("x"), "pipe": lambda: os.mkfifo(place),
        "link": lambda: place.symlink_to("nowhere"), "empty folder": place.mkdir,
    }  # fmt: skip
    make[kind]()
    assert len(packed(tmp_path, RECIPE).images("train")) == 12
