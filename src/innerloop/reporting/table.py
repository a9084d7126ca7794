"""The closing table of a run."""

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from innerloop.evaluation import stamps

STEPS = (0, 1, 5, 10)


def closing_table(results: dict[str, Any]) -> Table:
    """The headline number, and for learners with inner steps the numbers before and after them."""
    episode, protocol = results["episode"]["test"], results["protocol"]
    table = Table(
        title=f"{results['algorithm']} on {results['dataset']}: {protocol['tasks']} test tasks, "
        f"{episode['ways']}-way {episode['shots']}-shot, {episode['queries']} queries",
        caption=f"{_norm(results['norm'])}protocol {protocol['hash']}{_audit(results)}",
    )
    rows = _rows(results)
    intervals = {"95% over tasks": "ci95"}
    if "ci95_classes" in rows[0][2]:
        intervals["95% over classes"] = "ci95_classes"
    for heading in ("adaptation", "metric", "mean", *intervals):
        table.add_column(
            heading, justify="left" if heading in ("adaptation", "metric") else "right"
        )
    for label, name, entry in rows:
        scale = 100 if name == "accuracy" else 1
        unit = " %" if name == "accuracy" else ""
        table.add_row(
            label,
            name,
            f"{scale * entry['mean']:.4g}{unit}",
            *[_half(scale * entry[key], unit) for key in intervals.values()],
        )
    return table


def _half(half: float, unit: str) -> str:
    """Half an interval; a dash for a single task, which has none."""
    return f"± {half:.2g}{unit}" if math.isfinite(half) else "-"


def _audit(results: dict[str, Any]) -> str:
    words = stamps.in_words([results.get("audit")])
    return f"\naudit: {words}" if words else ""


def _rows(results: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    test, scored = results["test"], results["protocol"]["scored_step"]
    name = next(iter(test))
    if scored is None:
        return [("test", name, test[name])]
    steps = sorted(s for s in {*STEPS, scored} if f"{name}/step_{s}" in test)
    return [(_label(s, scored), name, test[f"{name}/step_{s}"]) for s in steps]


def _norm(mode: str | None) -> str:
    return f"{mode} batch norm, " if mode else ""


def _label(step: int, scored: int) -> str:
    words = "before" if step == 0 else f"after {step} step{'s' if step > 1 else ''}"
    return f"{words} (scored)" if step == scored else words


def show(results: dict[str, Any]) -> None:
    """Prints the closing table."""
    Console().print(closing_table(results))
