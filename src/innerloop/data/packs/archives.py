"""Reads files in a zip or a tar without unpacking it: a name in it never becomes a path."""

import gzip
import io
import os
import tarfile
import tempfile
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO

import numpy as np

from innerloop.data.packs.pictures import Box, Reading
from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError
from innerloop.machine.files import named

MOST = 2**28  #: bytes of a file in an archive
GROWTH = 8  #: how many times its size a compressed tar may unpack to
SMALL = 2**26  #: bytes to which any tar may unpack


class Archive(ABC):
    """The files in an archive; links and devices in it are left out.

    Arguments:
        path: of the archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: list[str] = []  #: of the files, sorted, without hidden ones

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    def content(self, name: str) -> bytes:
        """The content of a file; raises nearly anything for a damaged archive."""

    def read(self, name: str, most: int = MOST) -> bytes:
        """The content of a file.

        Arguments:
            name: of the file.
            most: bytes that it can have.

        Raises:
            UserError: if it is missing, damaged or too large.
        """
        try:
            if self.size(name) > most:
                raise ValueError(f"it has {self.size(name):,} bytes")
            return self.content(name)
        except Exception as error:  # an altered archive can raise nearly anything
            raise UserError(damaged(f"{name} in {self.path}", error)) from error

    def lines(self, name: str) -> list[str]:
        """The lines of a text; raises as `read` does, and `UnicodeDecodeError`."""
        return self.read(name).decode().splitlines()


class ZipArchive(Archive):
    """The files in a zip."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        super().__init__(path)
        self._zip = zipfile.ZipFile(stream)
        names = [info.filename for info in self._zip.infolist() if not info.is_dir()]
        self.names = sorted({name for name in names if not _is_hidden(name)})

    def size(self, name: str) -> int:
        return self._zip.getinfo(name).file_size

    def content(self, name: str) -> bytes:
        return self._zip.read(name)


class TarArchive(Archive):
    """The files in a tar that is not compressed."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        super().__init__(path)
        self._tar = tarfile.TarFile(fileobj=stream)
        members = {member.name.removeprefix("./"): member for member in self._tar if member.isreg()}
        self._members = {name: m for name, m in members.items() if not _is_hidden(name)}
        self.names = sorted(self._members)

    def size(self, name: str) -> int:
        return self._members[name].size

    def content(self, name: str) -> bytes:
        stream = self._tar.extractfile(self._members[name])
        assert stream is not None
        content = stream.read()
        if len(content) < self.size(name):
            raise EOFError("it is cut short")
        return content


class FolderArchive(Archive):
    """The files in a folder, in which a user has unpacked an archive."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for folder, inner, files in os.walk(path):
            inner[:] = [name for name in inner if name != "packed" and not _is_hidden(name)]
            place = Path(folder).relative_to(path)
            self.names += [(place / name).as_posix() for name in files if not _is_hidden(name)]
        self.names.sort()

    def size(self, name: str) -> int:
        return regular_file(self.path / name).stat().st_size

    def content(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


def read_picture(
    archive: Archive, name: str, reading: Reading, box: Box | None = None
) -> np.ndarray:
    """An image in an archive, `(size, size, channels)` uint8.

    Arguments:
        archive: the archive.
        name: of the file in it.
        reading: how the file becomes an image.
        box: what to cut out of it; None for all of it.

    Raises:
        UserError: if it is missing or does not decode.
    """
    content = archive.read(name)
    try:
        return reading.decode(io.BytesIO(content), box)
    except Exception as error:  # a damaged image can raise nearly anything
        raise UserError(damaged(f"{name} in {archive.path}", error)) from error


def open_archive(path: Path) -> Archive:
    """The files in a zip, a tar, a compressed tar or a folder; closed when it is no longer used.

    A compressed tar is decompressed to a nameless file beside it, so that its files can be read in
    any order; the file vanishes with the process.

    Raises:
        UserError: if it is none of these, damaged or cut short.
    """
    if path.is_dir():
        return FolderArchive(path)
    file = regular_file(path).open("rb")
    try:
        with named(path):
            return _opened(path, file)
    except Exception as error:  # an altered archive can raise nearly anything
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk, such as a full one, has its own message
        raise UserError(damaged(str(path), error)) from error


def damaged(what: str, error: Exception) -> str:
    """A message for users."""
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return f"{what} is damaged or cut short ({reason}): replace it and run again."


def _opened(path: Path, file: IO[bytes]) -> Archive:
    start = file.read(2)
    file.seek(0)
    if start == b"PK":
        return ZipArchive(path, file)
    if start != b"\x1f\x8b":
        return TarArchive(path, file)
    return TarArchive(path, _decompressed(path, file))


def _decompressed(path: Path, file: IO[bytes]) -> IO[bytes]:
    """A nameless file with the content of a compressed tar."""
    plain = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  (closed with the archive)
    most = max(SMALL, GROWTH * path.stat().st_size)
    with gzip.GzipFile(fileobj=file) as stream:
        while block := stream.read(2**20):
            plain.write(block)
            if plain.tell() > most:
                raise ValueError("it unpacks to more than an archive of images would")
    plain.seek(0)
    return plain


def _is_hidden(name: str) -> bool:
    """Whether macOS or a tool added the file: `._0.png`, `__MACOSX/0.png`."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
