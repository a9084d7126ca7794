"""Published figures, all of which are in docs/published.yaml.

Imports nothing heavy: a resolver of the configuration reads them.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parents[3] / "docs" / "published.yaml"


@cache
def figures() -> dict[str, dict[str, dict[str, Any]]]:
    """By setting, such as `omniglot_maml_5way_1shot`: `paper` and, if known, `reproduction`."""
    found: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(FILE.read_text())
    return found


def text(entry: dict[str, Any] | None) -> str:
    """A figure in words."""
    if entry is None:
        return "-"
    unit = f" {entry['unit']}" if "unit" in entry else ""
    if "after" in entry:
        after = {str(step): str(value) for step, value in entry["after"].items()}
        values = f"{', '.join(after.values())}{unit} after {', '.join(after)} steps"
        return f"{values} ({entry['source']})"
    half = f" ± {entry['ci95']:.2f}" if "ci95" in entry else ""
    return f"{entry['value']:.2f}{half}{unit} ({entry['source']})"


def _columns(after: dict[int, float]) -> tuple[list[int], list[float]]:
    """Inner steps, and the values after them."""
    return list(after), list(after.values())


def published(setting: str) -> str:
    """What the paper of a setting reports, for `${published:...}` in its yaml."""
    return text(figures()[setting]["paper"])
