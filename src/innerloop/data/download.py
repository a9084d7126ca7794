"""Downloads the files of a data set from their publishers and compares their checksums."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from innerloop.data.packs.regular_file import regular_file
from innerloop.data.transfer import digest, transfer
from innerloop.errors import UserError, one_line, visible

MENTIONED = 6  #: files that a message names at most
log = logging.getLogger(__name__)


class Remote(NamedTuple):
    """Where a file is published, and its checksum."""

    url: str  #: an `https://` or a `doi:` address
    checksum: str | None = None  #: `kind:hex`; of a DOI, its record gives the checksum
    mirrors: tuple[str, ...] = ()  #: other addresses of the same file


def fetch(
    files: Mapping[str, Remote], folder: Path, what: str, most: int | None = None
) -> list[Path]:
    """The paths of the files in `folder`; missing files are downloaded.

    A file that the user has put there is used as it is: its content is checked when it is read, and
    another checksum only causes a warning.

    Arguments:
        files: names of the files, and where each is published.
        folder: where they are stored.
        what: name of the data set, for messages.
        most: bytes that a file can have; None for any number.

    Raises:
        UserError: if a download fails, with the files and the folder for them; or if something
            else than a file has a file's name.
    """
    for name, remote in files.items():
        path = folder / name
        if os.path.lexists(path):
            regular_file(path, most)
            _compare(path, remote)
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _download(remote, path)
        except UserError:
            raise
        except Exception as error:  # requests, the server or the disk can raise nearly anything
            if is_of_disk(error):
                raise
            raise UserError(_missing(what, files, folder, error)) from error
    return [folder / name for name in files]


def _download(remote: Remote, path: Path) -> None:
    """Downloads from the first address that gives the file.

    Raises:
        Exception: what the last address raised.
    """
    checksum, addresses = _published(remote)
    for number, url in enumerate(addresses, 1):
        log.warning("Downloading %s to %s.", url, visible(path.parent))
        try:
            return transfer(url, path, checksum)
        except Exception as error:  # requests, the server or the disk can raise nearly anything
            if number == len(addresses) or is_of_disk(error):
                raise
            log.warning("%s: trying the next address.", one_line(error))


def _published(remote: Remote) -> tuple[str | None, list[str]]:
    """The checksum of a file and its addresses; of a DOI, those in its record."""
    base, name = remote.url.rsplit("/", 1)
    if not base.startswith("doi:"):
        return remote.checksum, [remote.url, *remote.mirrors]
    import pooch
    from pooch.downloaders import doi_to_repository

    record = doi_to_repository(base.removeprefix("doi:"))
    registry = pooch.create(path=".", base_url=f"{base}/", registry=None)
    record.populate_registry(registry)
    return registry.registry[name], [record.download_url(name), *remote.mirrors]


def _compare(path: Path, remote: Remote) -> None:
    """Warns if a file is not the publisher's."""
    if remote.checksum is None:
        return
    kind = remote.checksum.split(":")[0]
    if digest(path, kind) != remote.checksum:
        log.warning(
            "%s is not the publisher's file (%s differs); its content is checked.",
            visible(path),
            kind,
        )


def is_of_disk(error: Exception) -> bool:
    """Whether the disk, not the server, raised an error: a full one has its own message."""
    return isinstance(error, OSError) and error.errno is not None and bool(error.filename)


def _missing(what: str, files: Mapping[str, Remote], folder: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    few = list(files.items())[:MENTIONED]
    listed = ", ".join(f"{name} ({remote.url})" for name, remote in few)
    more = f" and {len(files) - len(few)} more" if len(files) > len(few) else ""
    return (
        f"{what} is not in {folder} and could not be downloaded ({reason}). "
        f"Put these files there: {listed}{more}; or point paths.data=FOLDER to where they are."
    )
