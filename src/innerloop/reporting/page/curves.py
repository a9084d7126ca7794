"""The charts of a board: adaptation to test tasks, validation and training."""

from pathlib import Path

from innerloop.errors import UserError
from innerloop.machine.foreign import BadFile, read_rows, there
from innerloop.reporting.finished import Finished
from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.settings import Mean, Setting
from innerloop.reporting.terminal import leave_out

Point = tuple[int, float]  #: outer steps done, and a metric
LOGGED = ("val", "train")
LARGEST = 1e30  #: of a number in a chart; the axes must extend beyond it
TITLES = {
    "adapting": ("Adapting to a test task", "inner steps"),
    "val": ("Validation while training", "outer steps"),
    "train": ("Training tasks, after adapting", "outer steps"),
}


def charts(name: str, members: list[tuple[Setting, str]]) -> list[str]:
    """The SVG elements; charts without lines are left out.

    Arguments:
        name: prefix of their identifiers.
        members: settings with their labels.
    """
    metric = members[0][0].first.metric
    return [
        chart(
            title=TITLES[part][0],
            xlabel=TITLES[part][1],
            ylabel=f"query {metric.heading}",
            lines=drawn,
            log=metric.log,
            name=f"{name}-{part}",
        )
        for part, drawn in _lines(members).items()
        if drawn
    ]


def _lines(members: list[tuple[Setting, str]]) -> dict[str, list[Line]]:
    """The lines of each chart."""
    scale = members[0][0].first.metric.scale
    lines: dict[str, list[Line]] = {part: [] for part in TITLES}
    longest = max(len(setting.curve()) for setting, _ in members)
    for style, (setting, label) in enumerate(members):
        # a learner without inner steps is a constant line
        means = setting.curve() or [setting.mean(setting.first.metric.name)] * longest
        lines["adapting"] += _adapting(means, label, style, scale)
        logs = [_logged(run) for run in setting.runs]
        for part in LOGGED:
            points = [log.get(part, []) for log in logs]
            lines[part] += _learning(points, label, style, scale)
    return lines


def _adapting(means: list[Mean], label: str, style: int, scale: float) -> list[Line]:
    """The mean after every inner step."""
    points = [(x, p.mean, p.half or 0.0) for x, p in enumerate(means) if p.mean is not None]
    points = [point for point in points if abs(point[1]) + point[2] < LARGEST]
    if not points:
        return []
    x, y, half = zip(*points, strict=True)
    shown, halves = [scale * v for v in y], [scale * h for h in half]
    return [Line(x, shown, style, label, half=halves)]


def _learning(logs: list[list[Point]], label: str, style: int, scale: float) -> list[Line]:
    """A line for each seed; the first has the label."""
    lines: list[Line] = []
    for log in filter(None, logs):
        x, y = zip(*log, strict=True)
        lines.append(Line(x, [scale * v for v in y], style, None if lines else label))
    return lines


def _logged(run: Finished) -> dict[str, list[Point]]:
    """The points of validation and of training; empty if the log cannot be read."""
    file = run.folder / "metrics.csv"
    try:
        rows = read_rows(file) if there(file) else []
        return {part: _column(file, rows, f"{part}/{run.metric.name}") for part in LOGGED}
    except UserError as error:
        leave_out(f"curves: {error}")
        return {}


def _column(file: Path, rows: list[dict[str, str]], key: str) -> list[Point]:
    try:
        points = [(int(row["step"]) + 1, float(row[key])) for row in rows if row.get(key)]
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(file, f"has no numbers in step or {key}: {error}") from None
    return [point for point in points if max(map(abs, point)) < LARGEST]
