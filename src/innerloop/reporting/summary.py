"""Markdown tables of the results files under docs/results."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from innerloop.evaluation import schema, stamps
from innerloop.evaluation.parts import Entry
from innerloop.evaluation.schema import Results
from innerloop.evaluation.sizes import setting
from innerloop.machine.mappings import read_json
from innerloop.objectives import Metric
from innerloop.reporting.numbers import unit
from innerloop.startup import published

STEPS = (1, 5, 10)
SEEN = "classes seen in pre-training"  #: a column where some learner sees features of an encoder
SHORT = ("run", "test", "paper", "minutes", "command")
FULL = (
    "run", "test", "audit", "paper", "best known reproduction", "within the paper's interval",
    "seeds", "minutes", "hardware", "configuration", "protocol", "command",
)  # fmt: skip


def load(folder: Path) -> list[Results]:
    """The results in a folder's JSON files, in the order of their names."""
    return [schema.read(read_json(file), file) for file in sorted(folder.glob("*.json"))]


def summary(
    results: Iterable[Results | Mapping[str, object]], columns: Sequence[str] = SHORT
) -> str:
    """A Markdown table with a row for each command and data set, over all seeds of the command.

    Arguments:
        results: contents of `results.json`.
        columns: some of `FULL`, and `SEEN`.
    """
    groups: dict[tuple[str, str], list[Results]] = {}
    for result in map(schema.read, results):
        key = _without_seed(result.command), result.dataset
        groups.setdefault(key, []).append(result)
    lines = [list(columns), ["---"] * len(columns)]
    for group in groups.values():
        row = _row(group)
        lines.append([row[column] for column in columns])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def by_data_set(results: Iterable[Results | Mapping[str, object]]) -> str:
    """A section with a full table for each data set."""
    groups: dict[str, list[Results]] = {}
    for result in map(schema.read, results):
        groups.setdefault(result.dataset, []).append(result)
    return "\n\n".join(f"## {name}\n\n{_full(group)}" for name, group in groups.items())


def _full(results: list[Results]) -> str:
    """The full table; a column says which classes encoders have seen, if there are encoders."""
    encoded = any(result.encoder for result in results)
    return summary(results, (*FULL, SEEN) if encoded else FULL)


def _row(group: list[Results]) -> dict[str, str]:
    """The cells of one command by heading, see `FULL`."""
    first, test = group[0], group[0].episode.test
    name = setting(first.dataset, first.algorithm, test.episode)
    trained_elsewhere = first.training_set != first.dataset
    known = {} if trained_elsewhere else published.figures().get(name, {})
    minutes = statistics.median(_known(result.seconds) for result in group) / 60
    return {
        "run": _run(first),
        "test": _by_step(group) if _has_steps(first) else _means(group),
        "audit": stamps.in_words(result.audited for result in group) or "-",
        SEEN: "-" if first.encoder is None else first.encoder.seen_in_words,
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


def _run(result: Results) -> str:
    """The learner, its test, its batch norm and its training."""
    parts = [result.algorithm, result.tested_on, result.episode.test.in_words]
    parts += [f"{result.norm} batch norm"] if result.norm else []
    return ", ".join([*parts, *filter(None, [result.training_in_words])])


def _has_steps(result: Results) -> bool:
    """Whether the metric is an error, which is reported after a few inner steps."""
    name = result.metric.name
    steps = all(f"{name}/step_{step}" in result.test for step in STEPS)
    return steps and not result.metric.higher_is_better


def _means(group: list[Results]) -> str:
    metric, entries = group[0].metric, [result.headline for result in group]
    shown = "; ".join(_with_interval(entry, metric) for entry in entries)
    name = "" if metric.unit == "%" else f"{metric.name} "
    return f"{name}{shown}{unit(metric)} over {entries[0].tasks} tasks"


def _with_interval(entry: Entry, metric: Metric) -> str:
    mean, half = (metric.scale * _known(value) for value in (entry.mean, entry.ci95))
    return f"{mean:.2f} ± {half:.2f}" if metric.unit == "%" else f"{mean:.4g} ± {half:.2g}"


def _by_step(group: list[Results]) -> str:
    """The median over seeds of the mean error after a few steps."""
    metric, last = group[0].metric, f"{group[0].metric.name}/step_{STEPS[-1]}"
    shown = " / ".join(f"{median:.3f}" for median in _medians(group, STEPS))
    text = f"{metric.name} {shown}{unit(metric)} after {' / '.join(map(str, STEPS))} steps, "
    text += f"median over {len(group)} seeds"
    if not metric.log:
        return text
    diverged = sum(result.test[last].diverged for result in group)
    tasks = sum(result.test[last].tasks or 0 for result in group)
    return f"{text}; {diverged} of {tasks} tasks diverged"


def _medians(group: list[Results], steps: Iterable[int]) -> list[float]:
    """The median over seeds after each of the steps, in the shown unit."""
    metric = group[0].metric
    entries = [[run.test[f"{metric.name}/step_{step}"] for run in group] for step in steps]
    return [metric.scale * statistics.median(_known(e.mean) for e in runs) for runs in entries]


def _within(group: list[Results], paper: published.Figure | None) -> str:
    """Whether the mean over seeds is in the paper's interval, or every step at least as good."""
    metric = group[0].metric
    if paper is None or paper["metric"] != metric.name:
        return "no interval given"
    if "after" in paper:
        return _reached(_medians(group, paper["after"]), list(paper["after"].values()), metric)
    if "ci95" not in paper:
        return "no interval given"
    mean = metric.scale * statistics.fmean(_known(result.headline.mean) for result in group)
    return "yes" if abs(mean - paper["value"]) <= paper["ci95"] else "**no**"


def _reached(ours: list[float], theirs: list[float], metric: Metric) -> str:
    """Whether our values after some steps are at least as good as those of a paper."""
    if metric.higher_is_better:
        above = all(a >= b for a, b in zip(ours, theirs, strict=True))
        return "at or above" if above else "**below**"
    below = all(a <= b for a, b in zip(ours, theirs, strict=True))
    return "at or below" if below else "**above**"


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _command(group: list[Results]) -> str:
    seeds = ",".join(str(result.seed) for result in group)
    several = " --multirun" if len(group) > 1 else ""
    return f"{_without_seed(group[0].command)}{several} seed={seeds}"


def _without_seed(command: str) -> str:
    return " ".join(w for w in command.split() if not w.startswith(("seed=", "logger=")))
