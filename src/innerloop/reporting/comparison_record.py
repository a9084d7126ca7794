"""The record of a comparison, as `compare.py --json` writes it."""

from collections.abc import Mapping
from typing import Any, TypedDict


class Intervals(TypedDict):
    """Half-widths of 95% intervals; None where one is not defined."""

    ci95: float | None  #: over tasks
    ci95_classes: float | None
    ci95_seeds: float | None


class SideRecord(Intervals):
    """One side: a run, or the seeds of a setting, with the mean of the headline metric."""

    name: str
    algorithm: str
    trained_on: str
    training: str
    norm: str | None
    scored_step: int | None
    seeds: list[int]
    seed_means: list[float]  #: the mean of each seed
    mean: float
    minutes: float | None  #: the median of the trainings
    audit: str
    commands: list[str]
    git: list[str]


class DifferenceRecord(Intervals):
    """The difference of two sides, given by their places."""

    first: int
    second: int
    about: str  #: `methods` or `these checkpoints`
    mean: float
    ci95_unpaired: float | None
    paired_to_unpaired: float | None
    p: float | None
    p_holm: float | None


class ComparisonRecord(TypedDict):
    """All sides and their pairwise differences on one data set."""

    metric: dict[str, Any]  #: the fields of `innerloop.objectives.Metric`
    dataset: str
    episode: Mapping[str, object]
    protocol: dict[str, Any]  #: the fields of `innerloop.evaluation.parts.Protocol`
    runs: list[SideRecord]
    differences: list[DifferenceRecord]
