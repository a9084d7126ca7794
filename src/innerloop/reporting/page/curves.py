"""The charts of a board: adaptation to test tasks, validation and training."""

from collections.abc import Iterator

from innerloop.evaluation.interval import over_seeds
from innerloop.reporting.learning_log import LARGEST, PARTS, Point, logged
from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.settings import Mean, Setting

SEEDS = 3  #: with fewer, each is a thin line of its own; their interval would say nothing
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
        lines["adapting"] += _adapting(setting, means, label, style)
        logs = [logged(run.folder, run.metric.name) for run in setting.runs]
        for part in PARTS:
            points = [log.get(part, []) for log in logs]
            lines[part] += _learning(points, label, style, scale)
    return lines


def _adapting(setting: Setting, means: list[Mean], label: str, style: int) -> list[Line]:
    """The mean after every inner step with its interval, or with the seeds if they are few."""
    few, scale = 1 < len(setting.runs) < SEEDS, setting.first.metric.scale
    points = [(x, p.mean, p.half or 0.0) for x, p in enumerate(means) if p.mean is not None]
    points = [point for point in points if abs(point[1]) + point[2] < LARGEST]
    if not points:
        return []
    x, y, half = zip(*points, strict=True)
    shown, halves = [scale * v for v in y], [scale * h for h in half]
    seeds = [Line(*curve, style, thin=True) for curve in _curves(setting)] if few else []
    return [Line(x, shown, style, label, half=None if few else halves), *seeds]


def _curves(setting: Setting) -> Iterator[tuple[list[float], list[float]]]:
    """The points of each seed's curve."""
    metric = setting.first.metric
    for run in setting.runs:
        test = run.results.test
        values = [test.get(f"{metric.name}/step_{k}") for k in range(len(setting.curve()))]
        known = [(float(k), e.mean) for k, e in enumerate(values) if e is not None]
        points = [(k, metric.scale * v) for k, v in known if v is not None and abs(v) < LARGEST]
        if points:
            yield [k for k, _ in points], [v for _, v in points]


def _learning(logs: list[list[Point]], label: str, style: int, scale: float) -> list[Line]:
    """The mean of the seeds with its interval; of fewer than three, a thin line for each."""
    known = [log for log in logs if log]
    if len(known) >= SEEDS and (line := _mean(known, label, style, scale)):
        return [line]
    thin = len(known) > 1
    return [
        Line(
            x=[x for x, _ in log],
            y=[scale * y for _, y in log],
            style=style,
            label=None if number else label,
            thin=thin,
        )
        for number, log in enumerate(known)
    ]


def _mean(logs: list[list[Point]], label: str, style: int, scale: float) -> Line | None:
    """The mean at the steps that all seeds logged; None if there are none."""
    by_step = [dict(log) for log in logs]
    steps = sorted(set.intersection(*map(set, by_step)))
    values = [[scale * log[step] for log in by_step] for step in steps]
    means = [sum(row) / len(row) for row in values]
    half = [over_seeds(row) or 0.0 for row in values]
    return Line(steps, means, style, label, half=half) if steps else None
