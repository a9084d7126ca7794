"""A value of the configuration as a message shows it."""

import json
from typing import Any

from innerloop.errors import visible

LONGEST = 80


def shown(value: Any) -> str:
    """As it would be typed at the command line, on one line of bounded length."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(visible(text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
