"""Downloads from a local server are checked, complete or absent, with clear errors."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from data.server import Server, serving

from innerloop.data.download import Remote, fetch
from innerloop.errors import UserError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("published")
    (folder / "file.zip").write_bytes(CONTENT)
    with serving(folder) as server:
        yield server


def get(remote: Remote, folder: Path) -> Path:
    (path,) = fetch({"file.zip": remote}, folder, "It")
    return path


def left(folder: Path) -> list[str]:
    """The names in a folder, without locks."""
    return sorted(p.name for p in folder.iterdir() if p.suffix != ".lock")


def test_a_download_is_stored_when_its_checksum_fits(server: Server, tmp_path: Path) -> None:
    path = get(Remote(server.url("file.zip"), MD5), tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert left(tmp_path / "new") == ["file.zip"]


def test_a_wrong_checksum_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be downloaded"):
        get(Remote(server.url("file.zip"), "md5:" + "0" * 32), tmp_path)
    assert left(tmp_path) == []


def test_a_broken_download_resumes_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.breaks = [1_000_000, 500_000]
    for _ in range(2):
        with pytest.raises(UserError, match="could not be downloaded"):
            get(Remote(server.url("file.zip"), MD5), tmp_path)
        assert left(tmp_path) == [".file.zip.part"]
    assert get(Remote(server.url("file.zip"), MD5), tmp_path).read_bytes() == CONTENT
    first, second, third = server.starts
    assert first == 0 and 900_000 < second <= 1_000_000 and 1_300_000 < third <= 1_500_000
    assert left(tmp_path) == ["file.zip"]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("part", [b"", b"another file", CONTENT[:70], CONTENT, CONTENT + b"more"])
def test_whatever_was_left_the_file_is_right(
    ranges: bool, part: bytes, server: Server, tmp_path: Path
) -> None:
    server.ranges = ranges
    (tmp_path / ".file.zip.part").write_bytes(part)
    assert get(Remote(server.url("file.zip"), MD5), tmp_path).read_bytes() == CONTENT


def test_a_mirror_is_asked_if_the_publisher_fails(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirrors = (server.url("missing.zip"), server.url("file.zip"))
    path = get(Remote("http://127.0.0.1:9/file.zip", MD5, mirrors), tmp_path)
    assert path.read_bytes() == CONTENT
    assert caplog.text.count("trying the next address") == 2


def test_a_web_page_instead_of_the_file_is_refused(server: Server, tmp_path: Path) -> None:
    server.web_page = True
    with pytest.raises(UserError, match="sent a web page"):
        get(Remote(server.url("file.zip"), None), tmp_path)
    assert left(tmp_path) == []


def test_a_failed_download_says_which_files_to_put_where(tmp_path: Path) -> None:
    nowhere = Remote("http://127.0.0.1:9/file.zip", MD5)
    with pytest.raises(UserError) as caught:
        fetch({"file.zip": nowhere}, tmp_path, "Omniglot")
    for part in (
        "Omniglot",
        str(tmp_path),
        "file.zip",
        "http://127.0.0.1:9/file.zip",
        "paths.data",
    ):
        assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_placed_by_hand_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file.zip").write_bytes(b"packed differently")
    with caplog.at_level(logging.WARNING):
        get(Remote("http://127.0.0.1:9/file.zip", MD5), tmp_path)
    assert "not the publisher's file" in caplog.text


@pytest.mark.parametrize("checksum", [MD5, "md5:" + "0" * 32])
def test_the_address_and_checksum_of_a_doi_come_from_its_record(
    checksum: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pooch.downloaders

    class Record:
        def populate_registry(self, registry: pooch.Pooch) -> None:
            registry.registry["file.zip"] = checksum

        def download_url(self, name: str) -> str:
            return server.url(name)

    def record(doi: str) -> Record:
        assert doi == "10.5281/zenodo.1"
        return Record()

    monkeypatch.setattr(pooch.downloaders, "doi_to_repository", record)
    remote = Remote("doi:10.5281/zenodo.1/file.zip")
    if checksum == MD5:
        assert get(remote, tmp_path).read_bytes() == CONTENT
    else:
        with pytest.raises(UserError, match="another checksum"):
            get(remote, tmp_path)
