"""Boards: a leaderboard and charts of all settings that were tested on the same tasks."""

from typing import TypedDict

from innerloop.errors import visible
from innerloop.evaluation import stamps
from innerloop.evaluation.parts import Origin, Sizes
from innerloop.evaluation.schema import Results
from innerloop.evaluation.sizes import span
from innerloop.reporting.finding import finding, probability
from innerloop.reporting.page.axis import Axis, Bar, axis_of, bar, papers_of
from innerloop.reporting.page.curves import charts
from innerloop.reporting.page.numbers import half_width, interval, minutes, shown
from innerloop.reporting.settings import Setting
from innerloop.reporting.standings import Behind, Standing, standings
from innerloop.startup import published

Members = list[tuple[Setting, str]]  #: settings with their labels


class Row(TypedDict):
    """A setting: its bar on the board's axis, and its cells by heading."""

    bar: Bar
    cells: dict[str, str]


class Board(TypedDict):
    """What the template shows of a test protocol."""

    title: str
    finding: str
    tested: str
    metric: str
    axis: Axis
    papers: list[str]
    rows: list[Row]
    trained: list[dict[str, str]]
    hash: str
    notes: list[str]
    charts: list[str]


def boards(settings: list[Setting], labels: list[str]) -> list[Board]:
    """A leaderboard and charts for each test protocol.

    Arguments:
        labels: one for each setting.
    """
    groups: dict[str, Members] = {}
    for member in zip(settings, labels, strict=True):
        groups.setdefault(member[0].first.results.protocol.hash, []).append(member)
    return [_board(f"chart{i}", members) for i, members in enumerate(groups.values())]


def _board(name: str, members: Members) -> Board:
    results, metric = members[0][0].first.results, members[0][0].first.metric
    episode, protocol, places = results.episode.test, results.protocol, standings(members)
    colours = {label: number for number, (_, label) in enumerate(members)}
    axis, better = axis_of(places), "higher" if metric.higher_is_better else "lower"
    scores = _filled([_scores(place) for place in places])
    return {
        "title": f"{results.dataset}, {_size(episode)}",
        "finding": visible(finding(places)),
        "tested": f"{protocol.tasks:,} test tasks with {span(episode.queries)} queries "
        f"{'each' if episode.ways == 1 else 'of each class'}; {better} {metric.name} is better; "
        f"protocol {protocol.hash}",
        "metric": metric.name,
        "axis": axis,
        "papers": [published.text(paper) for paper in papers_of(places)],
        "rows": [
            {"bar": bar(place, axis, colours[place.label]), "cells": row}
            for place, row in zip(places, scores, strict=True)
        ],
        "trained": _filled([_training_of(place) for place in places]),
        "hash": protocol.hash,
        "notes": _notes(places),
        "charts": charts(name, members),
    }


def _notes(places: list[Standing]) -> list[str]:
    """How to read the p-values, as far as there are any."""
    behind = [place.behind for place in places if place.behind is not None]
    notes = (
        ["p: against the first row, corrected by Holm for the number of rows."] if behind else []
    )
    if any(not b.methods for b in behind):
        notes.append("*: over the shared test tasks (paired t), about these checkpoints only; "
                     "methods are compared over three seeds of each (Welch's t).")  # fmt: skip
    return notes


def _size(episode: Sizes | None) -> str:
    return "" if episode is None else episode.in_words


def _training(results: Results) -> str:
    """The size of a training task or batch, after the data set if it is not the test's."""
    trained_on = results.training_set if results.training_set != results.dataset else ""
    batches = results.training.kind == "batches"
    size = f"batches of {results.training.size}" if batches else _size(results.episode.training)
    return ", ".join(part for part in (trained_on, size) if part)


def _filled(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows of cells by heading, without the columns that are empty in all of them."""
    return [{key: row[key] for key in row if any(r[key] for r in rows)} for row in rows]


def _scores(place: Standing) -> dict[str, str]:
    """The scores of a setting, by heading."""
    setting, metric = place.setting, place.setting.first.metric
    wide = setting.first.headline.ci95_classes if len(setting.runs) == 1 else None
    before = setting.mean(f"{metric.name}/step_0").mean
    return {
        "setting": place.label,
        metric.name: shown(place.mean.mean, metric),
        "95% interval": interval(place.mean, metric),
        "95% over classes": half_width(wide, metric),
        "p": _probability(place.behind),
        "before adapting": shown(before, metric) if setting.curve() else "",
    }


def _training_of(place: Standing) -> dict[str, str]:
    """How a setting was trained and audited, by heading."""
    setting, results = place.setting, place.setting.first.results
    steps = results.protocol.scored_step
    return {
        "setting": place.label,
        "batch norm": results.norm or "none",
        "trained on": _training(results),
        "started from": _started_from(results.init_from),
        "taught by": _started_from(results.distil_from),
        "inner steps": "" if steps is None else str(steps),
        "seeds": ", ".join(str(run.results.seed) for run in setting.runs),
        "minutes": minutes(setting.runs),
        "audit": _stamps(setting),
    }


def _probability(behind: Behind | None) -> str:
    if behind is None or behind.difference.p is None:
        return ""
    return probability(behind.difference.p).removeprefix("p = ").removeprefix("p ") + (
        "" if behind.methods else " *"
    )


def _started_from(origin: Origin | None) -> str:
    return "" if origin is None else f"{origin.algorithm} on {origin.dataset}"


def _stamps(setting: Setting) -> str:
    """The stamps of the audits of all seeds; empty without an audit."""
    return stamps.in_words(run.results.audited for run in setting.runs)
