"""The test tasks on which one run beats another most."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from innerloop.errors import UserError


class Beaten(NamedTuple):
    """A task and its headline scores."""

    task: int
    first: float
    second: float


def beaten(first: Path, second: Path, top: int) -> tuple[str, list[Beaten]]:
    """The headline metric, and the `top` tasks where `first` beats `second` most, widest gap first.

    Raises:
        UserError: where a folder holds no test, or the two were not tested on the same tasks.
    """
    results = [_results(run) for run in (first, second)]
    hashes = [found["protocol"]["hash"] for found in results]
    if hashes[0] != hashes[1]:
        raise UserError(
            f"{first} and {second} were not tested on the same tasks: their protocols are "
            f"{hashes[0]} ({_said(results[0])}) and {hashes[1]} ({_said(results[1])})."
        )
    metric = next(iter(results[0]["test"]))
    sign = 1.0 if results[0].get("higher_is_better", metric == "accuracy") else -1.0
    better, worse = (_scores(r, metric, f) for r, f in zip((first, second), results, strict=True))
    gap = _gap(sign * better, sign * worse)
    order = [int(i) for i in np.argsort(-gap, kind="stable") if gap[i] > 0]
    return metric, [Beaten(i, float(better[i]), float(worse[i])) for i in order[:top]]


def _gap(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """By how much each task's score is higher; what is no number is lower than any."""
    lost = [~np.isfinite(scores) for scores in (better, worse)]
    with np.errstate(invalid="ignore"):
        gap = np.where(lost[1] & ~lost[0], np.inf, better - worse)
    return np.where(lost[0], -np.inf, gap)


def _scores(run: Path, metric: str, results: dict[str, Any]) -> np.ndarray:
    with np.load(run / "scores.npz") as kept:
        return kept[metric][:, results["protocol"]["scored_step"] or 0].astype(np.float64)


def _results(run: Path) -> dict[str, Any]:
    if not (run / "results.json").exists() or not (run / "scores.npz").exists():
        raise UserError(
            f"{run} holds no test: results.json and scores.npz are written at the end of a run. "
            "Give the folder that the run printed, such as outputs/DATE/TIME_NAME."
        )
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def _said(results: dict[str, Any]) -> str:
    test = results["episode"]["test"]
    return f"{results['protocol']['tasks']} tasks, {test['ways']}-way {test['shots']}-shot"
