"""The common axis of a leaderboard: intervals as bars, seeds and the papers' figures as ticks."""

import math
from collections.abc import Sequence
from typing import TypedDict

from innerloop.evaluation.sizes import setting
from innerloop.reporting.numbers import number
from innerloop.reporting.page.charts import COLOURS
from innerloop.reporting.standings import Standing
from innerloop.startup import published

SEEDS = 3  #: with fewer, Student's interval is so wide that it does not stretch the axis
MARGIN = 0.04  #: of the axis on both sides


class Axis(TypedDict):
    """The ends of the axis in the metric's unit, and as texts."""

    low: float
    high: float
    texts: tuple[str, str]


class Bar(TypedDict):
    """Places on the axis in percent of its width; None where there is nothing to draw."""

    colour: int
    mean: float | None
    left: float | None
    width: float | None
    seeds: list[float]
    paper: float | None


def axis_of(places: Sequence[Standing]) -> Axis:
    """An axis that holds all means, seeds and papers' figures, and the intervals that say much."""
    values = [value for place in places for value in _values(place)] or [0.0]
    low, high = min(values), max(values)
    margin = MARGIN * (high - low) or 1.0
    metric = places[0].setting.first.metric
    ends = low - margin, high + margin
    low_text, high_text = (number(end / metric.scale, metric, 3) for end in ends)
    return {"low": ends[0], "high": ends[1], "texts": (low_text, high_text)}


def bar(place: Standing, axis: Axis, colour: int) -> Bar:
    """The bar of a setting.

    Arguments:
        colour: number of the setting's colour in the charts.
    """
    scale = place.setting.first.metric.scale
    mean, half = place.mean.mean, place.mean.half
    drawn: Bar = {"colour": colour % COLOURS, "mean": None, "left": None, "width": None,
                  "seeds": [], "paper": None}  # fmt: skip
    paper = paper_of(place)
    if paper is not None:
        drawn["paper"] = _place(paper, axis)
    if mean is not None:
        drawn["mean"] = _place(scale * mean, axis)
        drawn["seeds"] = [_place(value, axis) for value in _seeds(place)]
    if mean is not None and half is not None and math.isfinite(half):
        left, right = (_place(scale * (mean + sign * half), axis) for sign in (-1, 1))
        drawn["left"], drawn["width"] = left, round(right - left, 2)
    return drawn


def paper_of(place: Standing) -> float | None:
    """The value that the paper of this setting reports, in the metric's unit; None if none does."""
    paper = _published(place)
    if paper is None or paper["metric"] != place.setting.first.metric.name:
        return None
    step = place.setting.first.results.protocol.scored_step
    return paper.get("value", paper.get("after", {}).get(step or 0))


def papers_of(places: Sequence[Standing]) -> list[published.Figure]:
    """The papers whose figures are ticks of the board."""
    known = [_published(place) for place in places if paper_of(place) is not None]
    return [paper for paper in known if paper is not None]


def _published(place: Standing) -> published.Figure | None:
    results = place.setting.first.results
    name = setting(results.dataset, results.algorithm, results.episode.test.episode)
    return published.figures().get(name, {}).get("paper")


def _values(place: Standing) -> list[float]:
    """What the axis must hold of a setting, in the metric's unit."""
    scale, mean, half = place.setting.first.metric.scale, place.mean.mean, place.mean.half
    paper = paper_of(place)
    values = [*_seeds(place), *([] if paper is None else [paper])]
    if mean is not None and half is not None and len(place.setting.runs) not in range(2, SEEDS):
        values += [scale * (mean - half), scale * (mean + half)]
    return [value for value in values if math.isfinite(value)]


def _seeds(place: Standing) -> list[float]:
    metric = place.setting.first.metric
    means = [run.headline.mean for run in place.setting.runs]
    return [metric.scale * mean for mean in means if mean is not None]


def _place(value: float, axis: Axis) -> float:
    share = (value - axis["low"]) / (axis["high"] - axis["low"])
    return round(100 * min(1.0, max(0.0, share)), 2)
