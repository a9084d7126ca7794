"""Reads which panels and metrics the specification of a dashboard has."""

import json
import re
from collections.abc import Iterator
from typing import Any


def panels(content: Any) -> Iterator[dict[str, Any]]:
    """Every panel at any depth."""
    if isinstance(content, dict):
        if "viewType" in content:
            yield content
        for value in content.values():
            yield from panels(value)
    elif isinstance(content, list):
        for value in content:
            yield from panels(value)


def drawn(spec: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The names of the metrics and configuration entries that panels use."""
    metrics: set[str] = set()
    entries: set[str] = set()
    for panel in panels(spec):
        config = panel["config"]
        metrics |= {config.get("xAxis"), config.get("targetKey"), *config.get("metrics", [])}
        metrics |= set(config.get("mediaKeys", []))
        entries |= {config[key] for key in ("groupBy",) if key in config}
        for column in config.get("columns", []):
            kind, name = column["accessor"].split(":")
            (metrics if kind == "summary" else entries).add(name)
    for runs in re.findall(r'"section": "config", "name": "([^"]*)"', json.dumps(spec)):
        entries.add(f"{runs}.value")
    return metrics - {None}, {name.replace(".value", "", 1) for name in entries}
