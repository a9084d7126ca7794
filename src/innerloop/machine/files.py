"""Files that are either complete or absent, even if the process is killed while it writes."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

UNFINISHED = ".unfinished"  #: the suffix of a file that is being written


@contextmanager
def whole_file(path: Path, keep: int = 1) -> Iterator[IO[bytes]]:
    """A binary file to write, which gets the name `path` once it is complete and on the disk.

    Until then it is in the target's folder: a rename is atomic only within one file system.

    Arguments:
        path: name of the complete file.
        keep: how many files to keep: this one, and earlier ones of the same name, see `earlier`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(UNFINISHED, f".{path.name}.", path.parent)
    try:
        with named(path), os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        _shift_earlier(path, keep)
        os.replace(name, path)
        _flush_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str, errors: str = "strict") -> None:
    """Writes a text in UTF-8, either completely or not at all.

    Arguments:
        path: name of the file.
        text: its content.
        errors: what to do about letters that cannot be written, as in `str.encode`.
    """
    with whole_file(path) as file:
        file.write(text.encode(errors=errors))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Adds the file's name to an `OSError` without one: the error of a full disk names no file.

    PyTorch raises an error of its own while it handles that one, so that it may be the context.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.filename is None:
                cause.filename = str(path)
            cause = cause.__context__
        raise


def earlier(path: Path, age: int) -> Path:
    """The name of the file that was `path`, `age` files ago: `last-1.ckpt` before `last.ckpt`."""
    return path.with_stem(f"{path.stem}-{age}") if age else path


def remove_unfinished(folder: Path) -> None:
    """Removes what killed processes left in a folder; no other process may be writing there."""
    for file in folder.glob(f".*{UNFINISHED}"):
        file.unlink(missing_ok=True)


def cache_folder() -> Path:
    """This user's folder for what can be rebuilt: packs, compiled code, timings."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "innerloop"


def _shift_earlier(path: Path, keep: int) -> None:
    """Renames earlier files of this name, each to the next age."""
    for age in range(keep - 1, 0, -1):
        if earlier(path, age - 1).exists():
            os.replace(earlier(path, age - 1), earlier(path, age))


def _flush_folder(folder: Path) -> None:
    """Writes the folder's list of names to the disk, so that it survives a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # some network file systems do not support it
        os.fsync(handle)
    os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
