"""Transfers one file from a server: resumes what is there, checks it, and gives it its name."""

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from innerloop.machine.files import named
from innerloop.machine.turns import in_turn

if TYPE_CHECKING:
    from requests import Response

PATIENCE = 60  #: seconds to wait for a server
BLOCK = 2**16  #: bytes that are written at a time; a broken download loses fewer
log = logging.getLogger(__name__)


class WrongContent(Exception):
    """What a server sent is not the published file."""


def transfer(url: str, path: Path, checksum: str | None) -> None:
    """Downloads a file; `path` has it completely or does not exist.

    Until it is complete it is in a hidden file next to `path`, from which the next call resumes.

    Arguments:
        url: an `https://` or `http://` address.
        path: name of the file.
        checksum: `kind:hex`; None if the publisher gives none.

    Raises:
        WrongContent: if the checksum differs.
        OSError: if the server or the disk fails.
    """
    part = path.with_name(f".{path.name}.part")
    with in_turn(path, "downloading"):
        if path.exists():
            return  # another process has downloaded it in the meantime
        resumed = part.exists()
        _fetch(url, part)
        if resumed and not _is(part, checksum):  # the server's file may have changed since
            log.warning("%s did not fit what was there: it is downloaded again.", url)
            part.unlink()
            _fetch(url, part)
        if not _is(part, checksum):
            part.unlink()
            raise WrongContent(f"{url} has another checksum than {checksum}")
        os.replace(part, path)


def _fetch(url: str, part: Path) -> None:
    """Appends to `part` what it lacks."""
    import requests

    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=PATIENCE) as response:
        if start and response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is missing; the checksum decides
        response.raise_for_status()
        if "text/html" in response.headers.get("Content-Type", ""):
            raise WrongContent(f"{url} sent a web page")
        if start and response.status_code != requests.codes.partial_content:
            start = 0
        _write(response, part, start)


def _write(response: "Response", part: Path, start: int) -> None:
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    length = response.headers.get("Content-Length")
    total = None if length is None else start + int(length)
    columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with named(part), part.open("ab" if start else "wb") as file:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("", total=total, completed=start)
            for block in response.iter_content(BLOCK):
                file.write(block)
                progress.advance(bar, len(block))
        if total is not None and file.tell() < total:
            raise ConnectionError(f"{response.url} ended after {file.tell():,} of {total:,} bytes")


def _is(file: Path, checksum: str | None) -> bool:
    """Whether a file has a checksum."""
    return checksum is None or digest(file, checksum.split(":")[0]) == checksum


def digest(file: Path, kind: str) -> str:
    """The checksum of a file as `kind:hex`."""
    with file.open("rb") as stream:
        return f"{kind}:{hashlib.file_digest(stream, kind).hexdigest()}"
