"""Sizes of tasks follow their stated distributions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from innerloop.data import sampling, sizes
from innerloop.tasks import Episode, Range

MANY = 20_000
KEYS = sampling.keys(0, "sizes", np.arange(MANY))
ALL = np.ones((MANY, 4), bool)


def assert_follows(draws: np.ndarray, probabilities: dict[int, float]) -> None:
    """Chi-square test at level 0.001, on numbers that are fixed by the key."""
    assert set(np.unique(draws)) == set(probabilities)
    counts = [(draws == value).sum() for value in probabilities]
    expected = np.array([*probabilities.values()]) * len(draws)
    assert stats.chisquare(counts, expected).pvalue > 0.001


def even(low: int, high: int) -> dict[int, float]:
    return dict.fromkeys(range(low, high + 1), 1 / (high - low + 1))


@pytest.mark.parametrize(("available", "highest"), [(100, 9), (7, 7)])
def test_ways_are_uniform_up_to_the_number_of_classes(available: int, highest: int) -> None:
    ways = sizes.draw_ways(KEYS, Episode(Range(5, 9), 1, 1), available)
    assert_follows(ways, even(5, highest))


def test_equal_classes_have_one_uniform_number_of_shots() -> None:
    shots = sizes.draw_shots(KEYS, Episode(4, Range(2, 7), 1), ALL)
    assert (shots == shots[:, :1]).all()
    assert_follows(shots[:, 0], even(2, 7))


def test_uniform_classes_have_independent_numbers_of_shots() -> None:
    shots = sizes.draw_shots(KEYS, Episode(4, Range(2, 4), 1, "uniform"), ALL)
    for first, second in ((0, 1), (1, 3)):
        assert_follows(10 * shots[:, first] + shots[:, second],
                       {10 * a + b: 1 / 9 for a in (2, 3, 4) for b in (2, 3, 4)})  # fmt: skip


def test_queries_are_one_uniform_number_for_each_task() -> None:
    queries = sizes.draw_queries(KEYS, Episode(4, 1, Range(3, 6)), ALL)
    assert (queries == queries[:, :1]).all()
    assert_follows(queries[:, 0], even(3, 6))


def test_two_classes_share_shots_in_a_uniform_proportion() -> None:
    """Dirichlet(1, 1) is uniform: of 8 examples to divide, the ends have half the probability."""
    shots = sizes.draw_shots(KEYS, Episode(2, 5, 1, "dirichlet", 1.0), ALL[:, :2])
    assert (shots.sum(1) == 10).all()
    assert_follows(shots[:, 0], {1: 1 / 16, 9: 1 / 16} | dict.fromkeys(range(2, 9), 1 / 8))


def divided(total: int, shares: np.ndarray) -> list[int]:
    """The method of largest remainders, in exact fractions."""
    exact = [Fraction(float(share)) * total for share in shares]
    counts = [math.floor(value) for value in exact]
    for place in sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])[
        : total - sum(counts)
    ]:
        counts[place] += 1
    return counts


@pytest.mark.parametrize("alpha", [0.1, 1.0, 8.0])
def test_dirichlet_shots_are_those_of_numpys_proportions(alpha: float) -> None:
    shots = sizes.draw_shots(KEYS, Episode(4, 3, 1, "dirichlet", alpha), ALL)
    shares = np.random.default_rng(1).dirichlet([alpha] * 4, 5000)
    theirs = np.array([divided(8, share) for share in shares]) + 1
    assert (shots.sum(1) == 12).all() and shots.min() >= 1
    for ours, other in ((shots[:, 2], theirs[:, 2]), (shots.max(1), theirs.max(1))):
        table = np.stack([np.bincount(x, minlength=10) for x in (ours, other)])
        table = table[:, table.sum(0) >= 10]
        assert stats.chi2_contingency(table).pvalue > 0.001


def test_the_mean_of_dirichlet_shots_is_uniform_in_a_range() -> None:
    shots = sizes.draw_shots(KEYS, Episode(4, Range(2, 5), 1, "dirichlet"), ALL)
    assert_follows(shots.sum(1), {4 * mean: 1 / 4 for mean in range(2, 6)})


def test_a_large_alpha_is_nearly_equal_and_a_small_one_gives_to_one_class() -> None:
    shots = {a: sizes.draw_shots(KEYS, Episode(4, 9, 1, "dirichlet", a), ALL) for a in (0.05, 1000)}
    assert np.ptp(shots[1000], axis=1).max() <= 3
    assert np.median(shots[0.05].max(1)) >= 30  # of 36, three of which belong to the others


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_dirichlet_queries_are_those_of_numpys_proportions(alpha: float) -> None:
    episode = Episode(4, 1, 3, alpha=alpha, query_balance="dirichlet")
    assert episode.varies
    queries = sizes.draw_queries(KEYS, episode, ALL)
    assert (queries.sum(1) == 12).all() and queries.min() == 0
    shares = np.random.default_rng(1).dirichlet([alpha] * 4, 5000)
    theirs = np.array([divided(12, share) for share in shares])
    for ours, other in ((queries[:, 2], theirs[:, 2]), (queries.max(1), theirs.max(1))):
        table = np.stack([np.bincount(x, minlength=14) for x in (ours, other)])
        table = table[:, table.sum(0) >= 10]
        assert stats.chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize("balance", ["equal", "dirichlet"])
def test_absent_classes_have_no_queries(balance: str) -> None:
    present = np.arange(4) < (1 + np.arange(MANY) % 4)[:, None]
    episode = Episode(Range(1, 4), 1, 5, query_balance=balance)
    queries = sizes.draw_queries(KEYS, episode, present)
    assert not queries[~present].any() and (queries.sum(1) == 5 * present.sum(1)).all()


@pytest.mark.parametrize("balance", sizes.BALANCES[:-1])
def test_absent_classes_have_no_shots(balance: str) -> None:
    present = np.arange(4) < (1 + np.arange(MANY) % 4)[:, None]
    shots = sizes.draw_shots(KEYS, Episode(Range(1, 4), Range(2, 6), 1, balance), present)
    assert ((shots > 0) == present).all()
    alone = sizes.draw_shots(KEYS[7:8], Episode(Range(1, 4), Range(2, 6), 1, balance), present[7:8])
    assert (alone[0] == shots[7]).all()
