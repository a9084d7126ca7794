"""Files that are whole or not there, whatever kills the process."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from innerloop.errors import UserError, visible

UNFINISHED = ".unfinished"  #: how the name of a file that is being written ends


@contextmanager
def whole_file(path: Path, keep: int = 1) -> Iterator[IO[bytes]]:
    """A binary file to write that takes the name `path` once it is complete and on the disk.

    It lies in the target's own folder until then: a rename is atomic only within a file system.

    Arguments:
        keep: how many stay: the file, and those that had its name before, see `earlier`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(UNFINISHED, f".{path.name}.", path.parent)
    try:
        with named(path), os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        _make_room(path, keep)
        os.replace(name, path)
        _settle(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str, errors: str = "strict") -> None:
    """Writes a text in UTF-8, whole or not at all.

    Arguments:
        errors: what to do about letters that cannot be written, as in `str.encode`.
    """
    with whole_file(path) as file:
        file.write(text.encode(errors=errors))


def check_file_writable(path: Path) -> None:
    """Raises `UserError` unless a file of this name can be written, before the work for it."""
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        why = "is a folder" if path.is_dir() else f"needs {folder}, which is no folder to write to"
        raise UserError(f"{path} {why}: give the name of a file that can be written.")


@contextmanager
def named(path: Path) -> Iterator[None]:
    """An error of the system within names the file: the error of a full disk names no file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def check_writable(folder: Path, key: str = "hydra.run.dir=") -> None:
    """Tries to write into a folder, or into where it would be made; leaves nothing behind.

    Arguments:
        key: how the user chooses another.

    Raises:
        UserError: if nothing can be written.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 4096)
    except OSError as error:
        raise UserError(
            f"The output folder {visible(folder)} cannot be written: {error.strerror}. "
            f"Choose another with {key}FOLDER."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
            for place in made:
                place.rmdir()


def earlier(path: Path, age: int) -> Path:
    """The name of the file that was `path` so many files ago: `last-1.ckpt` before `last.ckpt`."""
    return path.with_stem(f"{path.stem}-{age}") if age else path


def remove_unfinished(folder: Path) -> None:
    """Removes what killed processes were writing, in a folder in which no other process writes."""
    for file in folder.glob(f".*{UNFINISHED}"):
        file.unlink(missing_ok=True)


def _make_room(path: Path, keep: int) -> None:
    for age in range(keep - 1, 0, -1):
        if earlier(path, age - 1).exists():
            os.replace(earlier(path, age - 1), earlier(path, age))


def _settle(folder: Path) -> None:
    """Has the folder's names on the disk too, so that they survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # some network file systems know no such thing
        os.fsync(handle)
    os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cache_folder() -> Path:
    """Where this user's machine keeps what can be made again: packs, compiled code, timings."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "innerloop"
