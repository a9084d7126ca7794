"""Differences against scipy's own tests, and Holm's correction against the closure it is."""

import itertools

import numpy as np
import pytest
from scipy import stats

from innerloop.evaluation.comparison import between_seeds, holm, paired

RNG = np.random.default_rng


@pytest.mark.parametrize("n", [3, 40, 1000])
def test_paired_is_scipys_paired_t(n: int) -> None:
    task = RNG(n).normal(size=n)
    first, second = task + RNG(1).normal(0.1, 0.5, n), task + RNG(2).normal(0, 0.5, n)
    expected = stats.ttest_rel(first, second)
    low, high = expected.confidence_interval(0.95)
    found = paired(first, second)
    assert found.mean == pytest.approx((low + high) / 2, rel=1e-10)
    assert found.ci95 == pytest.approx((high - low) / 2, rel=1e-10)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    back = paired(second, first)
    assert (back.mean, back.ci95, back.p) == (-found.mean, found.ci95, found.p)


def test_paired_t_is_near_the_chance_of_flipping_signs() -> None:
    # What the p-value means: were the two exchangeable, each task's difference might be flipped.
    difference = RNG(0).normal(0.13, 1, 200)
    flips = RNG(1).choice([-1, 1], (20_000, 200)) * difference
    share = (np.abs(flips.mean(1)) >= abs(difference.mean())).mean()
    assert 0.01 < share < 0.5
    error = (share * (1 - share) / 20_000) ** 0.5
    assert paired(difference, np.zeros(200)).p == pytest.approx(share, abs=4 * error)


def test_equal_scores_do_not_differ_and_a_constant_shift_surely_does() -> None:
    scores = np.array([0.25, 0.5, 0.75])
    assert paired(scores, scores) == (0.0, 0.0, 1.0)
    assert paired(scores, scores + 0.25) == (-0.25, 0.0, 0.0)


def test_pairing_gains_what_tasks_share() -> None:
    # Var(a - b) = 2 (1 - r) Var, so the ratio to the unpaired interval is sqrt(1 - r).
    task, own = RNG(0).normal(size=50_000), RNG(1).normal(size=(2, 50_000))
    first, second = (0.9**0.5 * task + 0.1**0.5 * part for part in own)
    unpaired = (first.var() + second.var()) ** 0.5 * 1.96 / 50_000**0.5
    assert paired(first, second).ci95 / unpaired == pytest.approx(0.1**0.5, rel=0.02)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 5)])
def test_between_seeds_is_scipys_welch_t(sizes: tuple[int, int]) -> None:
    first, second = (RNG(n).normal(0.5, 0.01 * n, n).tolist() for n in sizes)
    expected = stats.ttest_ind(first, second, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    found = between_seeds(first, second)
    assert found.mean == pytest.approx((low + high) / 2, rel=1e-9)
    assert found.ci95 == pytest.approx((high - low) / 2, rel=1e-9)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)


def closed(p: list[float]) -> list[float]:
    """Marcus, Peritz and Gabriel's closure of Bonferroni's test: a hypothesis falls only with every
    intersection that it is part of."""
    sets = [s for n in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), n)]
    bonferroni = {s: min(1.0, len(s) * min(p[i] for i in s)) for s in sets}
    return [max(value for s, value in bonferroni.items() if i in s) for i in range(len(p))]


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_holm_is_the_closure_of_bonferroni(count: int) -> None:
    for seed in range(20):
        p = (RNG(seed).random(count) ** 3).tolist()
        assert holm(p) == pytest.approx(closed(p), rel=1e-12)
    assert holm([0.02] * count) == pytest.approx(closed([0.02] * count))


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []
