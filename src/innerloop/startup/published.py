"""Published results, all kept in docs/published.yaml.

Imports nothing heavy: a resolver of the configuration reads them.
"""

from functools import cache
from typing import TypedDict

import yaml

from innerloop.startup.places import published_figures


class Figure(TypedDict, total=False):
    """A published result: one value, or the values after some numbers of inner steps."""

    metric: str
    value: float  #: in `unit`
    ci95: float  #: half-width of the 95% interval
    after: dict[int, float]  #: values by inner steps
    unit: str
    source: str


@cache
def figures() -> dict[str, dict[str, Figure]]:
    """By setting, such as `omniglot_maml_5way_1shot`: `paper` and, if known, `reproduction`."""
    settings: dict[str, dict[str, Figure]] = yaml.safe_load(published_figures().read_text())
    return settings


def text(entry: Figure | None) -> str:
    """A published result in words."""
    if entry is None:
        return "-"
    unit = f" {entry['unit']}" if "unit" in entry else ""
    if "after" in entry:
        after = {str(step): str(value) for step, value in entry["after"].items()}
        values = f"{', '.join(after.values())}{unit} after {', '.join(after)} steps"
        return f"{values} ({entry['source']})"
    half = f" ± {entry['ci95']:.2f}" if "ci95" in entry else ""
    return f"{entry['value']:.2f}{half}{unit} ({entry['source']})"


def published(setting: str) -> str:
    """What the paper of a setting reports, for `${published:...}` in its yaml."""
    return text(figures()[setting]["paper"])
