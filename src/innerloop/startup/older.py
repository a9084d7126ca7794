"""Configurations stored by earlier versions, in the form that this version reads.

Imports nothing heavy.
"""

from collections.abc import Mapping


def current(content: Mapping[str, object]) -> Mapping[str, object]:
    """The plain values of a configuration, with the objective under its own key.

    Earlier versions kept the objective inside `dataset`. Anything else comes back as it is.
    """
    dataset = content.get("dataset") if isinstance(content, dict) else None
    if not isinstance(dataset, dict) or "objective" not in dataset or "objective" in content:
        return content
    without = {key: value for key, value in dataset.items() if key != "objective"}
    return {**content, "dataset": without, "objective": dataset["objective"]}
