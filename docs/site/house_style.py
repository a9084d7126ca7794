"""Reads docstrings in the house style: `Example:` holds doctests, and attributes are arguments."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class HouseStyle(griffe.Extension):
    """Renames a heading so that griffe knows it."""

    def on_object(self, *, obj: Any, **kwargs: Any) -> None:
        """Called for each module, class and function."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
