"""The leaderboards of the page: the settings of each test protocol with intervals and p-values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from innerloop.errors import visible
from innerloop.evaluation.sizes import in_words
from innerloop.live.member import finite, scaled
from innerloop.objectives import Metric
from innerloop.reporting.finding import finding
from innerloop.reporting.finished import Finished
from innerloop.reporting.settings import labels, settings
from innerloop.reporting.standings import Standing, standings


class Row(TypedDict):
    """A setting; numbers in the metric's unit."""

    label: str
    seeds: list[int]
    runs: list[str]  #: identifiers
    mean: float | None
    half: float | None
    over: str
    each: list[float | None]  #: the mean of each seed
    behind: float | None
    p: float | None
    about: str


class Board(TypedDict):
    """The settings that were tested on the same tasks, best first."""

    title: str
    heading: str
    higher: bool
    finding: str
    rows: list[Row]


def boards(runs: Sequence[Finished], identifiers: Mapping[Path, str]) -> list[Board]:
    """A board for each test protocol, the one with most runs first.

    Arguments:
        identifiers: of the runs, by folder.
    """
    groups: dict[str, list[Finished]] = {}
    for run in runs:
        groups.setdefault(run.results.protocol.hash, []).append(run)
    largest_first = sorted(groups.values(), key=len, reverse=True)
    return [_board(group, identifiers) for group in largest_first]


def _board(runs: Sequence[Finished], identifiers: Mapping[Path, str]) -> Board:
    results, metric, groups = runs[0].results, runs[0].metric, settings(runs)
    places = standings(list(zip(groups, labels(groups), strict=True)))
    size, tasks = in_words(results.episode.test.episode), results.protocol.tasks
    better = "higher" if metric.higher_is_better else "lower"
    about = f"{results.dataset}, {size}, {tasks:,} test tasks; {better} {metric.name} is better"
    return {
        "title": visible(about),
        "heading": visible(metric.heading),
        "higher": metric.higher_is_better,
        "finding": visible(finding(places)),
        "rows": [_row(place, metric, identifiers) for place in places],
    }


def _row(place: Standing, metric: Metric, identifiers: Mapping[Path, str]) -> Row:
    behind, runs = place.behind, place.setting.runs
    return {
        "label": visible(place.label),
        "seeds": [run.results.seed for run in runs],
        "runs": [identifiers[run.folder] for run in runs if run.folder in identifiers],
        "mean": scaled(place.mean.mean, metric),
        "half": scaled(place.mean.half, metric),
        "over": place.mean.over,
        "each": [scaled(run.headline.mean, metric) for run in runs],
        "behind": None if behind is None else scaled(behind.difference.mean, metric),
        "p": None if behind is None else finite(behind.difference.p),
        "about": "" if behind is None else "methods" if behind.methods else "these checkpoints",
    }
