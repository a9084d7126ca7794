"""One run of the page: its row among all runs, its command, its pictures and its facts."""

import base64
from pathlib import Path
from typing import Any

from innerloop.reporting.finished import Finished
from innerloop.reporting.page.numbers import half_width, shown

STEPS = {0, 1, 2, 3, 5, 10, 20, 50}  #: inner steps of a run's own table, with the scored one


def details(run: Finished, label: str, number: int) -> dict[str, Any]:
    """What the template shows of a run.

    Arguments:
        label: of its setting.
        number: of the run, which makes its anchor.
    """
    headline, metric = run.headline, run.metric
    return {
        "id": f"run{number}",
        "name": run.folder.resolve().name,
        "setting": label,
        "seed": run.results["seed"],
        "metric": metric,
        "validation": shown(run.results["checkpoint"]["validation"].get(metric), metric),
        "mean": shown(headline["mean"], metric),
        "tasks": half_width(headline["ci95"], metric),
        "classes": half_width(headline.get("ci95_classes"), metric),
        "command": run.results["command"],
        "steps": _steps(run),
        "pictures": _pictures(run.folder),
        "facts": _facts(run),
    }


def _facts(run: Finished) -> dict[str, Any]:
    results = run.results
    outer, chosen, protocol = results["outer"], results["checkpoint"], results["protocol"]
    return {
        "folder": run.folder,
        "model": results["model"],
        "batch norm": results["norm"] or "none",
        "training": f"{outer['steps']} outer steps of {outer['tasks']} tasks",
        "checkpoint": f"of outer step {chosen['step']}, chosen by {protocol['selected_by']}",
        "protocol": f"{protocol['hash']}: {protocol['tasks']} tasks of the {protocol['split']} "
        f"split, seed {protocol['seed']}",
        "engine": results["engine"]["name"],
        "took": f"{results['seconds'] / 60:.1f} minutes on {results['device']}, "
        f"{results['threads']} threads",
        "versions": ", ".join(f"{name} {number}" for name, number in results["versions"].items()),
        "commit": results["git"] or "unknown",
    }


def _steps(run: Finished) -> list[tuple[str, str, str]]:
    """The headline metric after some inner steps, with its interval over tasks."""
    scored, rows = run.results["protocol"]["scored_step"], []
    for step in sorted(STEPS | {scored or 0}):
        entry = run.results["test"].get(f"{run.metric}/step_{step}")
        if entry is not None:
            words = f"{step} (scored)" if step == scored else str(step)
            mean, half = (entry[key] for key in ("mean", "ci95"))
            rows.append((words, shown(mean, run.metric), half_width(half, run.metric)))
    return rows


def _pictures(folder: Path) -> list[tuple[str, str]]:
    """Names and data of a run's pictures; not of a run inside its folder, nor W&B's copies."""
    found = [
        (file.stem.replace("_", " "), base64.b64encode(file.read_bytes()).decode())
        for file in sorted(folder.rglob("*.png"))
        if "wandb" not in file.relative_to(folder).parts and _owner(file, folder) == folder
    ]
    return found


def _owner(file: Path, folder: Path) -> Path:
    return next(p for p in file.parents if p == folder or (p / "results.json").exists())
