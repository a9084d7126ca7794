"""What adaptation does, and how validation and training went: the lines of a board's charts."""

import csv
import math
from pathlib import Path

from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.settings import Setting

TITLES = {
    "adapting": ("Adapting to a test task", "inner steps"),
    "val": ("Validation while training", "outer steps"),
    "train": ("Training tasks, after adapting", "outer steps"),
}


def charts(name: str, members: list[tuple[Setting, str]]) -> list[str]:
    """SVG elements; a chart without any line is left out."""
    metric = members[0][0].first.metric
    percent = metric == "accuracy"
    ylabel, scale = (f"query {metric} (%)", 100.0) if percent else (f"query {metric}", 1.0)
    lines: dict[str, list[Line]] = {part: [] for part in TITLES}
    longest = max(len(setting.curve()) for setting, _ in members)
    for style, (setting, label) in enumerate(members):
        lines["adapting"] += _adapting(setting, label, style, scale, longest)
        for part in ("val", "train"):
            lines[part] += _learning(setting, label, style, scale, f"{part}/{metric}")
    return [
        chart(*TITLES[part], ylabel, drawn, metric == "mse", f"{name}-{part}")
        for part, drawn in lines.items()
        if drawn
    ]


def _adapting(setting: Setting, label: str, style: int, scale: float, longest: int) -> list[Line]:
    """The mean after every inner step; level for a learner that adapts in one go."""
    found = setting.curve() or [setting.mean(setting.first.metric)] * longest
    points = [(x, p.mean, p.half or 0.0) for x, p in enumerate(found) if p.mean is not None]
    if not points:
        return []
    x, y, half = zip(*points, strict=True)
    return [Line(x, [scale * v for v in y], style, label, [scale * h for h in half])]


def _learning(setting: Setting, label: str, style: int, scale: float, key: str) -> list[Line]:
    """A line for each seed, of which the first has the label."""
    lines: list[Line] = []
    for run in setting.runs:
        found = _logged(run.folder / "metrics.csv", key)
        if found:
            x, y = zip(*found, strict=True)
            lines.append(Line(x, [scale * v for v in y], style, None if lines else label))
    return lines


def _logged(file: Path, key: str) -> list[tuple[int, float]]:
    """Outer steps done, and the finite values of one column of a run's log."""
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        rows = [(row["step"], row.get(key)) for row in csv.DictReader(lines)]
    found = [(int(step) + 1, float(value)) for step, value in rows if value]
    return [(step, value) for step, value in found if math.isfinite(value)]
