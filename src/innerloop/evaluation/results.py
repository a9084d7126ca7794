"""The files `results.json` and `scores.npz` of a run, and the entries of its metrics."""

import json
import math
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from torch import Tensor

from innerloop.evaluation.class_interval import over_classes
from innerloop.evaluation.interval import over_tasks
from innerloop.machine.files import whole_file, write_whole
from innerloop.objectives import Objective

SCHEMA = 1
PACKAGES = ("torch", "lightning", "hydra-core", "numpy")
DIVERGED = 100.0  #: an error above this counts as diverged, if the metric has a logarithmic scale


def metrics(
    scores: dict[str, Tensor],
    objective: Objective,
    scored_step: int | None,
    classes: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """Means with intervals at the scored step (`NAME`) and before adapting (`NAME/step_0`); of the
    headline metric after every inner step.

    Arguments:
        scores: `(tasks, steps + 1)` by name of the metric.
        scored_step: inner step of the headline number; None for learners without steps.
        classes: `(tasks, ways)` numbers of the classes. Where classes recur, entries have
            `ci95_classes` as well as `ci95`.
    """
    entries: dict[str, dict[str, float]] = {}
    for name, values in scores.items():
        entries[name] = _intervals(values[:, scored_step or 0], classes)
        if scored_step is not None:
            for step in range(values.shape[1] if name == objective.metric.name else 1):
                entries[f"{name}/step_{step}"] = _entry(values[:, step], objective, classes)
    return entries


def _intervals(values: Tensor, classes: np.ndarray | None) -> dict[str, float]:
    of_classes = None if classes is None else over_classes(values.numpy(), classes)
    entry = over_tasks(values)._asdict()
    return entry if of_classes is None else entry | {"ci95_classes": of_classes}


def _entry(values: Tensor, objective: Objective, classes: np.ndarray | None) -> dict[str, float]:
    entry = _intervals(values, classes)
    if not objective.metric.higher_is_better:  # heavy-tailed: one task can dominate the mean
        entry["median"] = float(
            np.median(values.double().numpy())
        )  # torch takes the lower middle value
    if objective.metric.log:
        entry["diverged"] = int((~(values < DIVERGED)).sum())
    return entry


def versions() -> dict[str, str]:
    """Versions of the packages that the numbers depend on."""
    return {name: version(name) for name in PACKAGES}


def commit(folder: str) -> str | None:
    """The checkout's commit, with `+` if files have changed since; None outside of git."""

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
    """Writes the scores of every task as a compressed NumPy archive.

    Arguments:
        scores: `(tasks, steps + 1)` by name of the metric.
        classes: `(tasks, ways)` numbers of each task's classes.
        class_accuracy: `(tasks, ways)` accuracy of these classes at the scored step.
    """
    arrays: dict[str, np.ndarray] = {name: values.numpy() for name, values in scores.items()}
    arrays |= {} if classes is None else {"classes": classes}
    arrays |= {} if class_accuracy is None else {"class_accuracy": class_accuracy.numpy()}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Writes the content whole or not at all; NaN and infinity become null, as JSON demands."""
    write_whole(path, json.dumps(_plain(content), indent=2) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
