"""The pictures of a run."""

from pathlib import Path

from innerloop.evaluation.schema import RESULTS
from innerloop.machine.foreign import BadFile, find, read_bytes, there
from innerloop.reporting.drawing.style import DRAWN

PNG = b"\x89PNG\r\n\x1a\n"  #: the first bytes of a PNG file
LARGEST = 8 * 2**20  #: bytes of a picture
HEAD = 1000  #: bytes of a picture in which its comment is


def pictures_of(folder: Path) -> list[Path]:
    """A run's PNG files, without those of runs in its folder and W&B's copies."""
    return [
        file
        for file in find(folder, lambda name: name.endswith(".png"))
        if "wandb" not in file.relative_to(folder).parts and _owner(file, folder) == folder
    ]


def read_picture(file: Path) -> bytes:
    """The content of a PNG file; links are refused because they may lead to any file.

    Raises:
        BadFile: if it is anything else.
    """
    content = read_bytes(file, LARGEST, links=False)
    if not content.startswith(PNG):
        raise BadFile(file, "is not a PNG picture")
    return content


def is_drawn(content: bytes) -> bool:
    """Whether a PNG file says that it shows no images, so that a dark page may invert it."""
    return f"Comment\0{DRAWN}".encode() in content[:HEAD]


def _owner(file: Path, folder: Path) -> Path:
    """The folder of the run that a picture belongs to: the nearest that holds results."""
    return next(p for p in file.parents if p == folder or there(p / RESULTS))
