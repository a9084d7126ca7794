"""Files from their publishers, checked by checksum, whole or not there."""

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from innerloop.data.packs.ordinary import ordinary
from innerloop.errors import UserError, visible

log = logging.getLogger(__name__)


class Remote(NamedTuple):
    """Where a file is published (an `https://` or `doi:` address), and its checksum `kind:hex`.

    A DOI's checksum is the one that its record gives.
    """

    url: str
    checksum: str | None = None


def fetch(
    files: Mapping[str, Remote], folder: Path, what: str, most: int | None = None
) -> list[Path]:
    """The files in `folder`, downloaded where they are missing.

    A file that was put there by hand is taken as it is: its content is checked when it is read, and
    a differing checksum is a warning.

    Arguments:
        what: name of the data set, for messages.
        most: bytes that such a file can have.

    Raises:
        UserError: if a download fails, naming the files and where to put them; or if something
            else than a file is in a file's place.
    """
    for name, remote in files.items():
        path = folder / name
        if os.path.lexists(path):
            ordinary(path, most)
            _compare(path, remote)
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _download(remote, path)
        except UserError:
            raise
        except Exception as error:  # pooch raises what requests, the server or the disk raise
            if isinstance(error, OSError) and error.errno is not None and error.filename:
                raise  # the disk's: a full or read-only one has its own message
            raise UserError(_missing(what, files, folder, error)) from error
    return [folder / name for name in files]


def _download(remote: Remote, path: Path) -> None:
    """Fetches to a temporary name beside the target, checks, and renames."""
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
    if remote.checksum is None:
        return
    kind, expected = remote.checksum.split(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != expected:
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
