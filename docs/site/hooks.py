"""Hooks of mkdocs: formulas are drawn, and links into the rest of the repository are text."""

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))
from formulas import drawn

OUTSIDE = "../benchmarks/results/"  #: where pictures of the benchmarks are
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(#[^)]*)?\)")


def on_config(config: Any) -> Any:
    """Lists the pages of a folder where the navigation names the folder."""
    root = Path(config.docs_dir)
    for entry in config.nav:
        for title, target in entry.items():
            if isinstance(target, str) and target.endswith("/"):
                pages = sorted(
                    path.relative_to(root).as_posix() for path in root.glob(f"{target}*.md")
                )
                entry[title] = pages
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pictures of the benchmarks."""
    for picture in (Path(config.docs_dir) / OUTSIDE).glob("*.png"):
        name = f"benchmarks/{picture.name}"
        files.append(File.generated(config, name, abs_src_path=str(picture.resolve())))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Draws formulas, and replaces links that no page of the site answers, such as to sources."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(match: re.Match[str]) -> str:
        target = match["target"]
        if "://" in target:
            return match[0]
        place = posixpath.normpath(posixpath.join(folder, target))
        leads_out = place.startswith("..") or files.get_file_from_path(place) is None
        known = target.endswith(".md") and not place.startswith("..")  # a dead link must be seen
        return match["text"] if leads_out and not known else match[0]

    return drawn(LINK.sub(kept, markdown.replace(f"]({OUTSIDE}", "](benchmarks/")))
