"""Runs the notebooks and writes them with their outputs as pages: `make notebooks`.

The notebooks are stored without outputs; `docs/notebooks` holds what they print and draw.
"""

import base64
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "notebooks"
COLOURS = 64  # of a picture
HEAD = "<!-- Made by `make notebooks` from notebooks/{name}.ipynb, which is what to edit. -->\n"


def main() -> None:
    """Runs every notebook; a failure stops the program and leaves the pages as they are."""
    with tempfile.TemporaryDirectory() as place:
        new = Path(place) / "pages"
        new.mkdir()
        for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
            book = executed(file, Path(place))
            text = "\n\n".join(page(book, file.stem, new))
            text = re.sub(rf"{re.escape(place)}/tmp\w{{8}}", "outputs", text)
            (new / f"{file.stem}.md").write_text(HEAD.format(name=file.stem) + text + "\n")
        shutil.rmtree(PAGES, ignore_errors=True)
        shutil.copytree(new, PAGES)


def executed(file: Path, place: Path) -> Any:
    """The notebook after running it; temporary folders are made in `place`."""
    os.environ |= {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(place)}
    book = nbformat.read(file, as_version=4)
    where = {"metadata": {"path": str(file.parent)}}
    NotebookClient(book, timeout=900, resources=where).execute()
    return book


def page(book: Any, name: str, folder: Path) -> Iterator[str]:
    """The parts of a page; pictures are written into a folder.

    Arguments:
        name: of the page, with which the names of its pictures begin.
    """
    count = 0
    for cell in book.cells:
        if cell.cell_type == "markdown":
            yield cell.source
            continue
        yield f"```python\n{cell.source}\n```"
        for output in cell.outputs:
            if "text" in output:
                yield f"```text\n{_shown(output.text)}\n```"
            elif "image/png" in output.get("data", {}):
                count += 1
                _keep(output.data["image/png"], folder / f"{name}_{count}.png")
                yield f"![Picture {count} of this notebook]({name}_{count}.png)"


def _shown(text: str) -> str:
    """What a program printed, without blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def _keep(encoded: str, file: Path) -> None:
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
        flat.quantize(COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    main()
