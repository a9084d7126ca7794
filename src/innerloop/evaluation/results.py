"""What a run leaves behind for tables: `results.json`."""

import json
import math
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from innerloop.evaluation.class_interval import over_classes
from innerloop.evaluation.interval import over_tasks
from innerloop.machine.files import whole_file, write_whole
from innerloop.objectives import Objective

SCHEMA = 1
PACKAGES = ("torch", "lightning", "hydra-core", "numpy")
DIVERGED = 100.0  #: a task whose error, on a logarithmic scale, exceeds this counts as diverged


def metrics(
    scores: dict[str, Tensor],
    objective: Objective,
    scored_step: int | None,
    classes: np.ndarray | None = None,
) -> dict[str, dict[str, Any]]:
    """Means with intervals from `(tasks, steps + 1)` scores: at the scored step and before the
    first; of the headline metric at every inner step.

    Arguments:
        classes: `(tasks, ways)`; where they recur, entries have `ci95_classes` beside `ci95`.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, values in scores.items():
        found[name] = _intervals(values[:, scored_step or 0], classes)
        if scored_step is not None:
            for step in range(values.shape[1] if name == objective.metric.name else 1):
                found[f"{name}/step_{step}"] = _entry(values[:, step], objective, classes)
    return found


def _intervals(values: Tensor, classes: np.ndarray | None) -> dict[str, Any]:
    wide = None if classes is None else over_classes(values.numpy(), classes)
    return over_tasks(values)._asdict() | ({} if wide is None else {"ci95_classes": wide})


def _entry(values: Tensor, objective: Objective, classes: np.ndarray | None) -> dict[str, Any]:
    entry = _intervals(values, classes)
    if not objective.metric.higher_is_better:  # heavy-tailed: one task can be the whole mean
        entry["median"] = float(np.median(values.double().numpy()))  # torch's is the lower middle
    if objective.metric.log:
        entry["diverged"] = int((~(values < DIVERGED)).sum())
    return entry


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    return {name: version(name) for name in PACKAGES}


def commit(folder: str) -> str | None:
    """The checkout's commit, with `+` where files were changed since; None outside of git."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", folder, *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def write_scores(
    path: Path,
    scores: dict[str, Tensor],
    classes: np.ndarray | None,
    class_accuracy: Tensor | None = None,
) -> None:
    """Every task's scores `(tasks, steps + 1)` by metric; its `classes` and their accuracy at the
    scored step, both `(tasks, ways)`."""
    arrays: dict[str, Any] = {name: values.numpy() for name, values in scores.items()}
    arrays |= {} if classes is None else {"classes": classes}
    arrays |= {} if class_accuracy is None else {"class_accuracy": class_accuracy.numpy()}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes it whole or not at all; what is not a number becomes null, as JSON demands."""
    write_whole(path, json.dumps(_plain(content), indent=2) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
