"""Configurations that earlier versions stored, in the form of this one.

Imports nothing heavy.
"""

from typing import Any


def current(content: Any) -> Any:
    """Plain values whose objective, once a part of the data set, has a key of its own."""
    dataset = content.get("dataset") if isinstance(content, dict) else None
    if not isinstance(dataset, dict) or "objective" not in dataset or "objective" in content:
        return content
    without = {key: value for key, value in dataset.items() if key != "objective"}
    return {**content, "dataset": without, "objective": dataset["objective"]}
