"""Values of the configuration, as messages show them."""

import json

from innerloop.errors import visible

LONGEST = 80  #: characters


def shown(value: object) -> str:
    """A value as one would type it at the command line: one line, of bounded length."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(visible(text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
