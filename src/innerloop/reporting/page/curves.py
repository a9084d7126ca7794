"""What adaptation does, and how validation and training went: the lines of a board's charts."""

from pathlib import Path
from typing import Any

from innerloop.errors import UserError
from innerloop.machine.foreign import BadFile, read_rows, there
from innerloop.reporting.finished import Finished
from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.settings import Setting
from innerloop.reporting.terminal import leave_out

Point = tuple[int, float]
LOGGED = ("val", "train")
LARGEST = 1e30  #: of a number in a chart, whose axes have to be wider than it
TITLES = {
    "adapting": ("Adapting to a test task", "inner steps"),
    "val": ("Validation while training", "outer steps"),
    "train": ("Training tasks, after adapting", "outer steps"),
}


def charts(name: str, members: list[tuple[Setting, str]]) -> list[str]:
    """SVG elements; a chart without any line is left out."""
    metric = members[0][0].first.metric
    lines: dict[str, list[Line]] = {part: [] for part in TITLES}
    longest = max(len(setting.curve()) for setting, _ in members)
    for style, (setting, label) in enumerate(members):
        lines["adapting"] += _adapting(setting, label, style, metric.scale, longest)
        logs = [_logged(run) for run in setting.runs]
        for part in LOGGED:
            points = [log.get(part, []) for log in logs]
            lines[part] += _learning(points, label, style, metric.scale)
    return [
        chart(*TITLES[part], f"query {metric.heading}", drawn, metric.log, f"{name}-{part}")
        for part, drawn in lines.items()
        if drawn
    ]


def _adapting(setting: Setting, label: str, style: int, scale: float, longest: int) -> list[Line]:
    """The mean after every inner step; level for a learner that adapts in one go."""
    found = setting.curve() or [setting.mean(setting.first.metric.name)] * longest
    points = [(x, p.mean, p.half or 0.0) for x, p in enumerate(found) if p.mean is not None]
    points = [point for point in points if abs(point[1]) + point[2] < LARGEST]
    if not points:
        return []
    x, y, half = zip(*points, strict=True)
    return [Line(x, [scale * v for v in y], style, label, [scale * h for h in half])]


def _learning(logs: list[list[Point]], label: str, style: int, scale: float) -> list[Line]:
    """A line for each seed, of which the first has the label."""
    lines: list[Line] = []
    for log in filter(None, logs):
        x, y = zip(*log, strict=True)
        lines.append(Line(x, [scale * v for v in y], style, None if lines else label))
    return lines


def _logged(run: Finished) -> dict[str, list[Point]]:
    """Outer steps done and the headline metric, of validation and of training."""
    file = run.folder / "metrics.csv"
    try:
        rows = read_rows(file) if there(file) else []
        return {part: _column(file, rows, f"{part}/{run.metric.name}") for part in LOGGED}
    except UserError as error:
        leave_out(f"curves: {error}")
        return {}


def _column(file: Path, rows: list[dict[str, Any]], key: str) -> list[Point]:
    try:
        found = [(int(row["step"]) + 1, float(row[key])) for row in rows if row.get(key)]
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(file, f"has no numbers in step or {key}: {error}") from None
    return [point for point in found if max(map(abs, point)) < LARGEST]
