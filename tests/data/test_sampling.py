"""Draws are uniform, without repeats, and depend only on their index."""

import warnings
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from innerloop.data import sampling

MANY = 60_000


def keys_of(count: int, seed: int = 0) -> np.ndarray:
    return sampling.keys(seed, "train", np.arange(count))


def assert_even(rows: np.ndarray, outcomes: list[tuple[int, ...]]) -> None:
    """Chi-square test with a bound of six standard deviations above the mean."""
    place = {outcome: i for i, outcome in enumerate(outcomes)}
    counts = np.bincount([place[tuple(row)] for row in rows.tolist()], minlength=len(outcomes))
    expected, freedom = len(rows) / len(outcomes), len(outcomes) - 1
    assert ((counts - expected) ** 2 / expected).sum() <= freedom + 6 * np.sqrt(2 * freedom)


@pytest.mark.parametrize(("population", "count"), [(5, 3), (4, 4), (6, 2), (7, 1)])
def test_choose_is_uniform_over_subsets_and_orders(population: int, count: int) -> None:
    picks = sampling.choose(keys_of(MANY), population, count)
    assert_even(picks, list(permutations(range(population), count)))
    assert_even(np.sort(picks), list(combinations(range(population), count)))


@pytest.mark.parametrize("population", [20, 21, 1000, 2**40])
def test_choose_never_repeats(population: int) -> None:
    picks = np.sort(sampling.choose(keys_of(5000), population, 20))
    assert picks.min() >= 0 and picks.max() < population
    assert (np.diff(picks) > 0).all()


def test_choose_is_uniform_over_a_huge_population() -> None:
    picks = sampling.choose(keys_of(20_000), 2**40, 3) / 2**40
    eighths = np.bincount((picks * 8).astype(int).ravel(), minlength=8)
    assert len(eighths) == 8
    np.testing.assert_allclose(eighths, picks.size / 8, rtol=0.06)


def test_choose_takes_a_population_per_key() -> None:
    population = 4 + np.arange(MANY) % 6
    picks = sampling.choose(keys_of(MANY), population, 4)
    assert (picks < population[:, None]).all()
    for size in range(4, 10):
        rows = picks[population == size]
        np.testing.assert_allclose(np.bincount(rows.ravel()), len(rows) * 4 / size, rtol=0.06)


def test_choose_can_take_the_whole_population() -> None:
    picks = sampling.choose(keys_of(1000).reshape(10, 100), 12, 12)
    assert (np.sort(picks) == np.arange(12)).all()


def test_permutations_are_uniform_and_complete() -> None:
    assert_even(sampling.permutations(keys_of(MANY), 4), list(permutations(range(4))))
    assert (np.sort(sampling.permutations(keys_of(50), 300)) == np.arange(300)).all()


def test_uniform_lies_in_the_half_open_interval() -> None:
    draws = sampling.uniform(keys_of(MANY), 4)
    assert draws.min() >= 0 and draws.max() < 1
    np.testing.assert_allclose(np.histogram(draws, 20, (0, 1))[0], draws.size / 20, rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(draws.T), np.eye(4), atol=0.03)


def test_normal_numbers_pass_a_test_of_normality() -> None:
    draws = sampling.normal(keys_of(MANY), 2)
    assert np.isfinite(draws).all()
    for column in draws.T:
        assert stats.kstest(column, "norm").pvalue > 0.001
    np.testing.assert_allclose(np.corrcoef(draws.T), np.eye(2), atol=0.03)


def test_integers_are_uniform_below_their_bound() -> None:
    draws = sampling.integers(keys_of(MANY), 7, 2)
    assert_even(draws, [(i, j) for i in range(7) for j in range(7)])


def test_keys_differ_between_seeds_names_and_indices() -> None:
    streams = [(s, n) for s in (0, 1, 2, -1, 2**63, 10**30) for n in ("train", "val", "test")]
    keys = [sampling.keys(seed, name, np.arange(2000)) for seed, name in streams]
    assert len(np.unique(keys)) == len(streams) * 2000


@pytest.mark.parametrize("seed", [0, -1, -(2**70), 2**64 - 1, 10**30])
def test_any_integer_is_a_seed(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keys = sampling.keys(seed, "train", np.array([0, 1, 2**62]))
        picks = sampling.choose(keys, 10, 3)
    assert keys.dtype == np.uint64 and picks.shape == (3, 3)


def test_a_draw_does_not_depend_on_its_neighbours() -> None:
    keys = keys_of(64)
    assert sampling.keys(0, "train", np.array([37])) == keys[37]
    for draw in (
        lambda key: sampling.choose(key, 9, 5),
        lambda key: sampling.permutations(key, 30),
        lambda key: sampling.uniform(key, 30),
        lambda key: sampling.normal(key, 30),
        lambda key: sampling.split(key, 30),
    ):
        assert (draw(keys[37:38])[0] == draw(keys)[37]).all()
