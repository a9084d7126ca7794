"""Tables of finished runs, made from the results files that are kept under docs/results."""

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from innerloop.evaluation import schema, stamps
from innerloop.evaluation.protocol import setting
from innerloop.evaluation.schema import Results
from innerloop.machine.mappings import read_json
from innerloop.startup import published

STEPS = (1, 5, 10)
SHORT = ("run", "test", "paper", "minutes", "command")
FULL = (
    "run", "test", "audit", "paper", "best known reproduction", "within the paper's interval",
    "seeds", "minutes", "hardware", "configuration", "protocol", "command",
)  # fmt: skip


def load(folder: Path) -> list[Results]:
    """The results of a folder's files, by name."""
    return [schema.read(read_json(file), file) for file in sorted(folder.glob("*.json"))]


def summary(results: Iterable[Results | dict[str, Any]], columns: Sequence[str] = SHORT) -> str:
    """A Markdown table with a row for all seeds of a command.

    Arguments:
        columns: some of `FULL`.
    """
    groups: dict[str, list[Results]] = {}
    for result in map(schema.read, results):
        groups.setdefault(_without_seed(result.command), []).append(result)
    lines = [list(columns), ["---"] * len(columns)]
    for group in groups.values():
        row = _row(group)
        lines.append([row[column] for column in columns])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def by_data_set(results: Iterable[Results | dict[str, Any]]) -> str:
    """Sections with a full table for each data set."""
    groups: dict[str, list[Results]] = {}
    for result in map(schema.read, results):
        groups.setdefault(result.dataset, []).append(result)
    return "\n\n".join(f"## {name}\n\n{summary(group, FULL)}" for name, group in groups.items())


def _row(group: list[Results]) -> dict[str, str]:
    first, test = group[0], group[0].episode.test
    name = setting(first.dataset, first.algorithm, test.ways, test.shots)
    known = published.figures().get(name, {})
    ways = "" if test.ways == 1 else f"{test.ways}-way "
    norm = f", {first.norm} batch norm" if first.norm else ""
    training = f", {first.upbringing}" if first.upbringing else ""
    minutes = statistics.median(_known(result.seconds) for result in group) / 60
    return {
        "run": f"{first.algorithm}, {first.dataset}, {ways}{test.shots}-shot{norm}{training}",
        "test": _errors(group) if "mse" in first.test else _accuracies(group),
        "audit": stamps.in_words(result.audited for result in group) or "-",
        "paper": published.text(known.get("paper")),
        "best known reproduction": published.text(known.get("reproduction")),
        "within the paper's interval": _within(group, known.get("paper")),
        "seeds": ", ".join(str(result.seed) for result in group),
        "minutes": f"{minutes:.1f}",
        "hardware": f"{first.device}, {first.threads} threads",
        "configuration": str(first.configuration),
        "protocol": first.protocol.hash,
        "command": f"`{_command(group)}`",
    }


def _accuracies(group: list[Results]) -> str:
    entries = [result.test["accuracy"] for result in group]
    shown = [f"{100 * _known(e.mean):.2f} ± {100 * _known(e.ci95):.2f} %" for e in entries]
    return f"{'; '.join(shown)} over {entries[0].tasks} tasks"


def _errors(group: list[Results]) -> str:
    """The median over seeds of the mean error after a few steps."""
    diverged = sum(result.test["mse/step_10"].diverged for result in group)
    tasks = sum(result.test["mse/step_10"].tasks or 0 for result in group)
    shown = " / ".join(f"{median:.3f}" for median in _medians(group))
    return (
        f"mse {shown} after {' / '.join(map(str, STEPS))} steps, median over "
        f"{len(group)} seeds; {diverged} of {tasks} tasks diverged"
    )


def _medians(group: list[Results]) -> list[float]:
    names = [f"mse/step_{step}" for step in STEPS]
    return [statistics.median(_known(run.test[name].mean) for run in group) for name in names]


def _within(group: list[Results], paper: dict[str, Any] | None) -> str:
    """Whether the mean over seeds lies in the paper's interval, or the errors at or below its."""
    if paper is not None and "mse" in paper:
        below = [ours <= theirs for ours, theirs in zip(_medians(group), paper["mse"], strict=True)]
        return "at or below" if all(below) else "**above**"
    if paper is None or "ci95" not in paper:
        return "no interval given"
    mean = 100 * statistics.fmean(_known(result.test["accuracy"].mean) for result in group)
    return "yes" if abs(mean - paper["accuracy"]) <= paper["ci95"] else "**no**"


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _command(group: list[Results]) -> str:
    seeds = ",".join(str(result.seed) for result in group)
    several = " --multirun" if len(group) > 1 else ""
    return f"{_without_seed(group[0].command)}{several} seed={seeds}"


def _without_seed(command: str) -> str:
    return " ".join(w for w in command.split() if not w.startswith(("seed=", "logger=")))
