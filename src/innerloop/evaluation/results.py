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
from innerloop.evaluation.measured import TestScores
from innerloop.machine.files import whole_file, write_whole
from innerloop.objectives import Objective

SCHEMA = 1
PACKAGES = ("torch", "lightning", "hydra-core", "numpy")
CURVE = "curve/"  #: before the names of metrics in `scores.npz`
DIVERGED = 100.0  #: an error above this counts as diverged, if the metric has a logarithmic scale


def metrics(
    scores: TestScores,
    objective: Objective,
    scored_step: int | None,
    classes: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """Means with intervals at the scored step (`NAME`) and before adapting (`NAME/step_0`); of the
    headline metric after every inner step. Each entry says over how many tasks it is.

    Arguments:
        scores: of the test.
        scored_step: inner step of the headline number; None for learners without steps.
        classes: `(tasks, ways)` numbers of the classes. Where classes recur, entries have
            `ci95_classes` as well as `ci95`.
    """
    entries: dict[str, dict[str, float]] = {}
    for name, values in scores.scored.items():
        entries[name] = _intervals(values, classes)
        curve = scores.curve[name]
        if scored_step is None:
            continue
        for step in range(curve.shape[1] if name == objective.metric.name else 1):
            at_step = values if step == scored_step else curve[:, step]
            of_tasks = None if classes is None else classes[: len(at_step)]
            entries[f"{name}/step_{step}"] = _entry(at_step, objective, of_tasks)
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
    scores: TestScores,
    classes: np.ndarray | None,
) -> None:
    """Writes the scores of every task as a compressed NumPy archive.

    It has the scored step of each metric under its name, the curve of the first tasks under
    `curve/NAME`, and the accuracy of each class of a task at the scored step.

    Arguments:
        scores: of the test.
        classes: `(tasks, ways)` numbers of each task's classes.
    """
    arrays = {name: values.numpy() for name, values in scores.scored.items()}
    arrays |= {f"{CURVE}{name}": values.numpy() for name, values in scores.curve.items()}
    class_accuracy = scores.pooled.get("class_accuracy")
    arrays |= {} if classes is None else {"classes": classes}
    if class_accuracy is not None:
        arrays["class_accuracy"] = class_accuracy.scores.numpy()
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
