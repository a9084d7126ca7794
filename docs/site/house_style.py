"""Reads docstrings in the house style: `Example:` holds doctests, and formulas are drawn."""

import re
import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))
from formulas import drawn

EXAMPLE = re.compile(r"^(\s*)Example:$", re.MULTILINE)
INLINE = re.compile(r":math:`([^`]*)`")
APART = re.compile(r"^[ \t]*\.\. math::(.+?)(?=\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)


class HouseStyle(griffe.Extension):
    """Renames a heading so that griffe knows it, and draws formulas."""

    def on_object(self, *, obj: Any, **kwargs: Any) -> None:
        """Called for each module, class and function."""
        if obj.docstring is not None:
            text = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
            text = INLINE.sub(lambda match: f"${' '.join(match[1].split())}$", text)
            obj.docstring.value = drawn(APART.sub(r"\n$$\1$$", text))
