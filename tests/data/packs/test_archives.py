"""Archives are read without unpacking: what is in them never becomes a path on this machine."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data import publishers

from innerloop.data.packs import archives
from innerloop.data.packs.archives import open_archive, read_picture
from innerloop.data.packs.pictures import Box, Reading
from innerloop.errors import UserError

FILES = {"a/1.txt": b"one", "a/2.txt": b"two", "b/3.txt": b""}
HIDDEN = {"a/.DS_Store": b"x", "__MACOSX/a/._1.txt": b"x"}


def tar(path: Path, files: dict[str, bytes]) -> None:
    publishers.write_tgz(path, files)


def plain_tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


WRITERS = [tar, plain_tar, publishers.write_zip, publishers.write_tree]


@pytest.mark.parametrize("writer", WRITERS)
def test_every_kind_of_archive_gives_the_same_files(
    writer: Callable[[Path, dict[str, bytes]], None], tmp_path: Path
) -> None:
    writer(tmp_path / "archive", FILES | HIDDEN)
    archive = open_archive(tmp_path / "archive")
    assert {name: archive.read(name) for name in archive.names} == FILES
    assert archive.names == sorted(FILES)
    assert [p.name for p in tmp_path.iterdir()] == ["archive"], "nothing is unpacked"


@pytest.mark.parametrize("writer", WRITERS)
def test_a_missing_or_too_large_file_is_refused(
    writer: Callable[[Path, dict[str, bytes]], None], tmp_path: Path
) -> None:
    writer(tmp_path / "archive", FILES)
    archive = open_archive(tmp_path / "archive")
    for name, most in (("a/9.txt", 9), ("a/1.txt", 2)):
        with pytest.raises(UserError, match=name):
            archive.read(name, most)


def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"a/{kind.decode()}.txt")
            info.type, info.linkname = kind, str(tmp_path / "secret")
            archive.addfile(info)
    assert open_archive(tmp_path / "x.tar.gz").names == []


@pytest.mark.parametrize("writer", [tar, publishers.write_zip])
@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "a/../../outside.txt"])
def test_a_name_that_leads_outside_writes_nothing(
    writer: Callable[[Path, dict[str, bytes]], None], name: str, tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    writer(inner / "archive", FILES | {name: b"outside"})
    archive = open_archive(inner / "archive")
    for inside in archive.names:
        archive.read(inside)
    assert [p.name for p in (*tmp_path.iterdir(), *inner.iterdir())] == ["inner", "archive"]


def test_the_last_of_two_files_of_one_name_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", "last")
    opened = open_archive(tmp_path / "x.zip")
    assert opened.names == ["a.txt"] and opened.read("a.txt") == b"last"


def test_a_small_archive_cannot_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SMALL", 2**20)
    tar(tmp_path / "bomb.tar.gz", {"a.txt": bytes(2**24)})
    with pytest.raises(UserError, match="unpacks to more"):
        open_archive(tmp_path / "bomb.tar.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["bomb.tar.gz"]


def test_a_box_is_cut_out_and_ends_at_the_image(tmp_path: Path) -> None:
    pixels = publishers.random("image", (20, 30, 3))
    publishers.write_zip(tmp_path / "x.zip", {"a.png": publishers.encoded(pixels, "PNG")})
    archive, reading = open_archive(tmp_path / "x.zip"), Reading(10, 3)
    cut = read_picture(archive, "a.png", reading, Box(left=20, top=-5, right=99, bottom=10))
    np.testing.assert_array_equal(cut, pixels[:10, 20:])
    with pytest.raises(UserError, match=r"a\.png .*outside"):
        read_picture(archive, "a.png", reading, Box(left=30, top=0, right=40, bottom=5))
