"""Downloads the files of a data set from their publishers and compares their checksums."""

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError, visible

log = logging.getLogger(__name__)


class Remote(NamedTuple):
    """Where a file is published, and its checksum."""

    url: str  #: an `https://` or a `doi:` address
    checksum: str | None = None  #: `kind:hex`; of a DOI, its record gives the checksum


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
        except Exception as error:  # pooch raises what requests, the server or the disk raise
            if isinstance(error, OSError) and error.errno is not None and error.filename:
                raise  # an error of the disk: a full or read-only one has its own message
            raise UserError(_missing(what, files, folder, error)) from error
    return [folder / name for name in files]


def _download(remote: Remote, path: Path) -> None:
    """Downloads to a temporary name next to the target, checks, and renames."""
    import pooch

    base, name = remote.url.rsplit("/", 1)
    checksum = remote.checksum
    if base.startswith("doi:"):
        record = pooch.create(path=path.parent, base_url=f"{base}/", registry=None)
        record.load_registry_from_doi()
        checksum = record.registry[name]
    log.warning("Downloading %s to %s.", remote.url, visible(path.parent))
    part = f".{path.name}.part"
    if (path.parent / part).exists():
        log.warning("Removed %s, which a download left unfinished.", visible(path.parent / part))
        (path.parent / part).unlink()
    try:
        pooch.retrieve(remote.url, checksum, fname=part, path=path.parent, progressbar=True)
        os.replace(path.parent / part, path)
    finally:
        (path.parent / part).unlink(missing_ok=True)


def _compare(path: Path, remote: Remote) -> None:
    """Warns if a file is not the publisher's."""
    if remote.checksum is None:
        return
    kind, expected = remote.checksum.split(":")
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, kind).hexdigest()
    if checksum != expected:
        log.warning(
            "%s is not the publisher's file (%s differs); its content is checked.",
            visible(path),
            kind,
        )


def _missing(what: str, files: Mapping[str, Remote], folder: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    listed = ", ".join(f"{name} ({remote.url})" for name, remote in files.items())
    return (
        f"{what} is not in {folder} and could not be downloaded ({reason}). "
        f"Put these files there: {listed}; or point paths.data=FOLDER to where they are."
    )
