"""Boards: a table and charts of all settings that were tested on the same tasks."""

from typing import TypedDict

from innerloop.evaluation import stamps
from innerloop.evaluation.parts import Origin, Sizes
from innerloop.evaluation.schema import Results
from innerloop.evaluation.sizes import span
from innerloop.reporting.page.curves import charts
from innerloop.reporting.page.numbers import half_width, interval, minutes, shown
from innerloop.reporting.settings import Setting

Members = list[tuple[Setting, str]]  #: settings with their labels


class Board(TypedDict):
    """What the template shows of a test protocol."""

    title: str
    tested: str
    metric: str
    columns: list[str]
    rows: list[dict[str, str]]
    charts: list[str]


def boards(settings: list[Setting], labels: list[str]) -> list[Board]:
    """A table and charts for each test protocol.

    Arguments:
        labels: one for each setting.
    """
    groups: dict[str, Members] = {}
    for member in zip(settings, labels, strict=True):
        groups.setdefault(member[0].first.results.protocol.hash, []).append(member)
    return [_board(f"chart{i}", members) for i, members in enumerate(groups.values())]


def _board(name: str, members: Members) -> Board:
    results = members[0][0].first.results
    episode, protocol = results.episode.test, results.protocol
    several = episode.ways != 1
    rows = [_row(setting, label) for setting, label in members]
    return {
        "title": f"{results.dataset}, {_size(episode)}",
        "tested": f"{protocol.tasks} test tasks with {span(episode.queries)} queries "
        f"{'of each class' if several else 'each'}, protocol {protocol.hash}",
        "metric": members[0][0].first.metric.name,
        "columns": [key for key in rows[0] if any(row[key] for row in rows)],
        "rows": rows,
        "charts": charts(name, members),
    }


def _size(episode: Sizes | None) -> str:
    return "" if episode is None else episode.in_words


def _training(results: Results) -> str:
    """The size of a training task or batch, after the data set if it is not the test's."""
    trained_on = results.training_set if results.training_set != results.dataset else ""
    batches = results.training.kind == "batches"
    size = f"batches of {results.training.size}" if batches else _size(results.episode.training)
    return ", ".join(part for part in (trained_on, size) if part)


def _row(setting: Setting, label: str) -> dict[str, str]:
    """Cells by heading; the table leaves out columns that are empty in all rows."""
    first, metric = setting.first, setting.first.metric
    scored, steps = setting.mean(metric.name), first.results.protocol.scored_step
    wide = first.headline.ci95_classes if len(setting.runs) == 1 else None
    before = setting.mean(f"{metric.name}/step_0").mean
    return {
        "setting": label,
        "batch norm": first.results.norm or "none",
        "trained on": _training(first.results),
        "started from": _started_from(first.results.init_from),
        "taught by": _started_from(first.results.distil_from),
        "before adapting": shown(before, metric) if setting.curve() else "",
        metric.name: shown(scored.mean, metric),
        "95% interval": interval(scored, metric),
        "95% over classes": half_width(wide, metric),
        "inner steps": "" if steps is None else str(steps),
        "seeds": ", ".join(str(run.results.seed) for run in setting.runs),
        "minutes": minutes(setting.runs),
        "audit": _stamps(setting),
    }


def _started_from(origin: Origin | None) -> str:
    return "" if origin is None else f"{origin.algorithm} on {origin.dataset}"


def _stamps(setting: Setting) -> str:
    """The stamps of the audits of all seeds; empty without an audit."""
    return stamps.in_words(run.results.audited for run in setting.runs)
