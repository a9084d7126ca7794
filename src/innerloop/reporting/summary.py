"""The table of finished runs, made from the results files that are kept under docs/results."""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from innerloop.evaluation import stamps
from innerloop.evaluation.protocol import setting

STEPS = (1, 5, 10)
HEADINGS = ("run", "test", "paper", "seeds", "minutes", "command")


def load(folder: Path) -> list[dict[str, Any]]:
    """The results of a folder's files, by name."""
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]


def summary(results: Iterable[dict[str, Any]], experiments: Path) -> str:
    """A Markdown table with a row for all seeds of a setting.

    Arguments:
        experiments: folder of the published settings, which say what their papers report.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault(_without_seed(result["command"]), []).append(result)
    lines = [HEADINGS, ["---"] * len(HEADINGS)]
    lines += [_row(command, group, experiments) for command, group in groups.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(command: str, group: list[dict[str, Any]], experiments: Path) -> list[str]:
    first, test = group[0], group[0]["episode"]["test"]
    seeds = [str(result["seed"]) for result in group]
    minutes = statistics.median(result["seconds"] for result in group) / 60
    ways = "" if test["ways"] == 1 else f"{test['ways']}-way "
    norm = f", {first['norm']} batch norm" if first["norm"] else ""
    audited = stamps.in_words(result.get("audit") for result in group)
    audit = f"; {audited}" if audited else ""
    return [
        f"{first['algorithm']}, {first['dataset']}, {ways}{test['shots']}-shot{norm}{audit}",
        _errors(group) if "mse" in first["test"] else _accuracies(group),
        _published(first, experiments),
        ", ".join(seeds),
        f"{minutes:.1f} ({first['threads']} threads, {first['device']})",
        f"`{command}{' --multirun' if len(seeds) > 1 else ''} seed={','.join(seeds)}`",
    ]


def _accuracies(group: list[dict[str, Any]]) -> str:
    entries = [result["test"]["accuracy"] for result in group]
    shown = [f"{100 * e['mean']:.2f} ± {100 * e['ci95']:.2f} %" for e in entries]
    return f"{'; '.join(shown)} over {entries[0]['tasks']} tasks"


def _errors(group: list[dict[str, Any]]) -> str:
    """The median over seeds of the mean error after a few steps."""
    entries = [[result["test"][f"mse/step_{step}"] for result in group] for step in STEPS]
    medians = [f"{statistics.median(e['mean'] for e in step):.3f}" for step in entries]
    diverged = sum(e["diverged"] for e in entries[-1])
    return (
        f"mse {' / '.join(medians)} after {' / '.join(map(str, STEPS))} steps, median over seeds; "
        f"{diverged} of {sum(e['tasks'] for e in entries[-1])} tasks diverged"
    )


def _published(result: dict[str, Any], experiments: Path) -> str:
    test = result["episode"]["test"]
    name = setting(result["dataset"], result["algorithm"], test["ways"], test["shots"])
    file = experiments / f"{name}.yaml"
    return str(yaml.safe_load(file.read_text())["published"]) if file.exists() else "-"


def _without_seed(command: str) -> str:
    return " ".join(w for w in command.split() if not w.startswith(("seed=", "logger=")))
