"""Lines as a terminal shows them: broken between words, and in colour where that is wanted.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import os
import shutil
import textwrap
from pathlib import Path
from typing import TextIO

RED, YELLOW, BOLD = "31", "33", "1"


def wrapped(text: str, stream: TextIO) -> str:
    """Lines that fit the terminal, broken between words; unchanged where there is no terminal.

    A word that is longer than a line, such as a path, stays whole so that it can be copied.
    """
    if not stream.isatty():
        return text
    lines = textwrap.TextWrapper(
        width=shutil.get_terminal_size().columns,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines.fill(line) for line in text.split("\n"))


def painted(text: str, style: str, stream: TextIO) -> str:
    """The text in a colour; unchanged in a pipe, under NO_COLOR, and on a dumb terminal."""
    without = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if without or not stream.isatty() else f"\x1b[{style}m{text}\x1b[0m"


def short(path: Path) -> str:
    """A path as commands in the current folder accept it, relative if it is below that folder."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
