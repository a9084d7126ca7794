"""The three intervals: closed forms, brute force over leave-one-out, and coverage by simulation."""

import itertools
import runpy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from helpers import ROOT, scores_with_curve
from scipy import stats

from innerloop.evaluation.class_interval import over_classes
from innerloop.evaluation.interval import over_seeds, over_tasks
from innerloop.evaluation.results import metrics
from innerloop.objectives import Classification, Regression

RNG = np.random.default_rng


def every_task(classes: int, ways: int) -> np.ndarray:
    return np.array(list(itertools.combinations(range(classes), ways)))


def test_sums_over_classes_give_the_interval_of_a_mean_of_classes() -> None:
    # Many copies of every possible task without noise, so that only the classes' effects remain.
    effects = RNG(0).normal(size=9)
    classes = np.tile(every_task(9, 3), (3000, 1))
    half = over_classes(effects[classes].mean(1), classes)
    assert half is not None
    expected = stats.t.ppf(0.975, 8) * effects.std(ddof=1) / 3  # as for a mean of 9 numbers
    assert half == pytest.approx(expected, rel=2e-3)


def test_class_interval_equals_the_jackknife_over_classes() -> None:
    rng, classes = RNG(1), RNG(2).random((400, 10)).argsort(1)[:, :4]
    scores = rng.normal(size=10)[classes].sum(1) + rng.normal(size=400)
    actual, expected = 0.0, 0.0
    for k in range(10):
        has = (classes == k).any(1)
        actual += 0.9 * (scores[~has].mean() - scores.mean()) ** 2
        left = [scores[has] - scores[has].mean(), scores[~has] - scores[~has].mean()]
        within = sum((part**2).sum() for part in left) / 398
        expected += 0.9 * has.mean() ** 2 * within * (1 / has.sum() + 1 / (~has).sum())
    variance = scores.var(ddof=1) / 400 + actual - expected
    assert actual > expected
    freedom = 9 * (variance / actual) ** 2
    assert freedom > 5
    half = stats.t.ppf(0.975, freedom) * variance**0.5
    assert over_classes(scores, classes) == pytest.approx(half, rel=1e-9)


def test_names_of_classes_and_order_within_a_task_do_not_matter() -> None:
    rng, classes = RNG(3), RNG(4).random((300, 8)).argsort(1)[:, :3]
    scores = rng.normal(size=8)[classes].sum(1) + rng.normal(size=300)
    other = rng.permuted((10**9 * (classes + 1)) ** 2 % 1_000_003, axis=1)
    assert over_classes(scores, other) == pytest.approx(over_classes(scores, classes), rel=1e-12)


def test_class_interval_is_never_narrower_than_over_tasks() -> None:
    for seed in range(50):
        rng = RNG(seed)
        classes, scores = rng.random((200, 12)).argsort(1)[:, :3], rng.normal(size=200)
        half = over_classes(scores, classes)
        assert half is not None and half >= over_tasks(torch.from_numpy(scores)).ci95


def test_no_class_interval_where_classes_never_recur_or_are_in_every_task() -> None:
    scores = RNG(0).random(100)
    assert over_classes(scores, RNG(0).integers(2**40, size=(100, 5))) is None
    assert over_classes(scores, np.tile(np.arange(5), (100, 1))) is None
    assert over_classes(np.full(100, 0.25), RNG(0).random((100, 9)).argsort(1)[:, :5]) == 0.0


@pytest.mark.parametrize("tasks", [1, 2])
def test_no_class_interval_from_one_or_two_tasks(tasks: int) -> None:
    assert over_classes(RNG(0).random(tasks), np.zeros((tasks, 1), int)) is None
    assert over_classes(RNG(0).random(tasks), np.tile(np.arange(2), (tasks, 10))) is None


def test_interval_over_seeds_is_students_t() -> None:
    means = [0.51, 0.48, 0.53, 0.5]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(means), scale=stats.sem(means))
    assert over_seeds(means) == pytest.approx((high - low) / 2, rel=1e-12)
    assert over_seeds([0.5]) is None


def test_entries_of_results_name_their_intervals() -> None:
    classes = RNG(0).random((200, 9)).argsort(1)[:, :5]
    scores = {"accuracy": torch.rand(200, 3), "loss": torch.rand(200, 3)}
    entries = metrics(scores_with_curve(scores, 2), Classification(5, 5), 2, classes)
    assert {"accuracy", "accuracy/step_0", "accuracy/step_2", "loss"} <= set(entries)
    for entry in entries.values():
        assert entry["ci95_classes"] >= entry["ci95"] > 0
    for entry in metrics(scores_with_curve({"mse": scores["loss"]}, 2), Regression(), 2).values():
        assert "ci95_classes" not in entry


@pytest.fixture(scope="module")
def benchmark() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "coverage.py"))


def test_a_simulated_experiment_has_its_stated_mean(benchmark: dict[str, Any]) -> None:
    make: Callable[..., Any] = benchmark["experiment"]
    world = benchmark["MINI"]
    far = make(world._replace(tasks=200_000), RNG(0))
    assert far.scores.mean() == pytest.approx(far.expected, abs=5 * far.scores.std() / 200_000**0.5)
    truths = np.array([make(world._replace(tasks=1), RNG(i)).expected for i in range(4000)])
    assert truths.mean() == pytest.approx(world.mean, abs=5 * truths.std() / 4000**0.5)
    assert truths.std() > 0.01


@pytest.mark.parametrize("name", ["miniImageNet, 600 tasks", "Omniglot 20-way, 1000 tasks"])
def test_intervals_cover_the_truth_as_often_as_stated(benchmark: dict[str, Any], name: str) -> None:
    # The limits for 20,000 experiments, widened by 4 standard errors of a share: a correct interval
    # fails for fewer than 1 of 10,000 seeds.
    n = 1200
    shares = benchmark["coverage"](benchmark["WORLDS"][name], n, 1)
    for kind, low, high in (("over_tasks", 0.94, 0.96), ("over_classes", 0.92, 0.97)):
        lowest, highest = (
            bar + sign * 4 * (bar * (1 - bar) / n) ** 0.5 for bar, sign in ((low, -1), (high, 1))
        )
        assert lowest <= shares[kind]["coverage"] <= highest
