"""The charts of a board: adaptation to test tasks, validation and training."""

from innerloop.reporting.learning_log import LARGEST, PARTS, Point, logged
from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.settings import Mean, Setting

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
        logs = [logged(run.folder, run.metric.name) for run in setting.runs]
        for part in PARTS:
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
