"""Downloads from a local server are checked, complete or absent, with clear errors."""

import functools
import hashlib
import http.server
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from innerloop.data.download import Remote, fetch
from innerloop.errors import UserError

CONTENT = b"the publisher's file"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("published")
    (folder / "file.zip").write_bytes(CONTENT)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_is_stored_when_its_checksum_fits(server: str, tmp_path: Path) -> None:
    (path,) = fetch({"file.zip": Remote(f"{server}/file.zip", MD5)}, tmp_path / "new", "It")
    assert path.read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file.zip"]


def test_a_wrong_checksum_leaves_nothing_behind(server: str, tmp_path: Path) -> None:
    wrong = Remote(f"{server}/file.zip", "md5:" + "0" * 32)
    with pytest.raises(UserError, match="could not be downloaded"):
        fetch({"file.zip": wrong}, tmp_path, "It")
    assert list(tmp_path.iterdir()) == []


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
        fetch({"file.zip": Remote("http://127.0.0.1:9/file.zip", MD5)}, tmp_path, "It")
    assert "not the publisher's file" in caplog.text


def test_the_checksum_of_a_doi_comes_from_its_record(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pooch

    def record(self: pooch.Pooch) -> None:
        assert self.base_url == "doi:10.5281/zenodo.1/"
        self.registry["file.zip"] = "md5:" + "0" * 32

    def retrieve(url: str, known_hash: str, fname: str, path: Path, progressbar: bool) -> str:
        assert url == "doi:10.5281/zenodo.1/file.zip"
        return real(f"{server}/file.zip", known_hash, fname, path)

    real = pooch.retrieve
    monkeypatch.setattr(pooch.Pooch, "load_registry_from_doi", record)
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(UserError, match="could not be downloaded"):  # by the record's checksum
        fetch({"file.zip": Remote("doi:10.5281/zenodo.1/file.zip")}, tmp_path, "It")
