"""Differences against scipy's tests, and Holm's correction against its definition as a closure."""

import itertools

import numpy as np
import pytest
from scipy import stats

from innerloop.evaluation.comparison import between_seeds, holm, paired

RNG = np.random.default_rng


@pytest.mark.parametrize("n", [3, 40, 1000])
def test_paired_test_equals_scipys(n: int) -> None:
    task = RNG(n).normal(size=n)
    first, second = task + RNG(1).normal(0.1, 0.5, n), task + RNG(2).normal(0, 0.5, n)
    expected = stats.ttest_rel(first, second)
    low, high = expected.confidence_interval(0.95)
    actual = paired(first, second)
    assert actual.mean == pytest.approx((low + high) / 2, rel=1e-10)
    assert actual.ci95 == pytest.approx((high - low) / 2, rel=1e-10)
    assert actual.p == pytest.approx(expected.pvalue, rel=1e-9)
    back = paired(second, first)
    assert (back.mean, back.ci95, back.p) == (-actual.mean, actual.ci95, actual.p)


def test_paired_t_is_close_to_the_exact_sign_flip_test() -> None:
    # Meaning of the p-value: if the two were exchangeable, each task's sign could be flipped.
    difference = RNG(0).normal(0.13, 1, 200)
    flips = RNG(1).choice([-1, 1], (20_000, 200)) * difference
    share = (np.abs(flips.mean(1)) >= abs(difference.mean())).mean()
    assert 0.01 < share < 0.5
    error = (share * (1 - share) / 20_000) ** 0.5
    assert paired(difference, np.zeros(200)).p == pytest.approx(share, abs=4 * error)


def flipping(difference: np.ndarray) -> float:
    """The exact p-value of flipping the signs of the differences, from scipy."""
    nothing = np.zeros(len(difference))
    return stats.permutation_test(
        (difference, nothing), lambda x, y: x.mean() - y.mean(), permutation_type="samples"
    ).pvalue


def test_equal_scores_have_a_p_value_of_one() -> None:
    scores = np.array([0.25, 0.5, 0.75])
    assert paired(scores, scores) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("n", [2, 3, 6, 12])
def test_a_constant_shift_has_the_p_value_of_the_sign_flip_test(n: int) -> None:
    scores = np.arange(n) / 16
    difference = paired(scores, scores + 0.25)
    assert (difference.mean, difference.ci95) == (-0.25, 0.0)
    assert difference.p == pytest.approx(flipping(np.full(n, 0.25)))


@pytest.mark.parametrize("n", [2, 6, 12])
def test_rounding_is_not_evidence_of_a_difference(n: int) -> None:
    second = (RNG(n).integers(1, 16, n) / 25).astype(np.float32)
    shifted = second + np.float32(0.2)
    exact = shifted.astype(np.float64) - second
    assert 0 < exact.std() < 1e-7, "rounding is all the spread there is"
    if n > 2:
        assert stats.ttest_rel(shifted.astype(np.float64), second).pvalue < 1e-12
    assert paired(shifted, second).p == pytest.approx(flipping(np.full(n, 0.2)))
    nearly = np.nextafter(second, np.float32(1))
    assert paired(nearly, second) == (0.0, 0.0, 1.0)


def test_small_differences_count_next_to_a_large_one() -> None:
    """Rounding is judged relative to each task's own score, not to the largest score."""
    second = np.array([1e6, *RNG(0).uniform(1e-3, 2e-3, 20)])
    first = second * np.array([1, *RNG(1).uniform(1.1, 1.2, 20)])
    assert paired(first, second).mean == pytest.approx((first - second).mean())


def test_a_single_observation_has_no_interval() -> None:
    assert paired(np.array([0.75]), np.array([0.5])) == (0.25, None, None)


@pytest.mark.parametrize("queries", [1, 5, 75])
@pytest.mark.parametrize("n", [2, 4, 6, 10])
def test_p_values_of_few_tasks_keep_their_level(n: int, queries: int) -> None:
    """Equal learners differ at level 5% in at most 5% of experiments, plus five standard errors."""
    experiments, rng = 2000, RNG([n, queries])
    hardness = rng.beta(6, 3, (experiments, n))
    pairs = rng.binomial(queries, hardness, (2, experiments, n)).astype(np.float32) / queries
    p_values = [paired(first, second).p for first, second in zip(*pairs, strict=True)]
    share = np.mean([p is not None and p <= 0.05 for p in p_values])
    assert share <= 0.05 + 5 * (0.05 * 0.95 / experiments) ** 0.5


def test_pairing_removes_the_variance_that_tasks_share() -> None:
    # Var(a - b) = 2 (1 - r) Var, so the ratio to the unpaired interval is sqrt(1 - r).
    task, own = RNG(0).normal(size=50_000), RNG(1).normal(size=(2, 50_000))
    first, second = (0.9**0.5 * task + 0.1**0.5 * part for part in own)
    unpaired = (first.var() + second.var()) ** 0.5 * 1.96 / 50_000**0.5
    assert paired(first, second).ci95 / unpaired == pytest.approx(0.1**0.5, rel=0.02)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 5)])
def test_between_seeds_equals_scipys_welch_test(sizes: tuple[int, int]) -> None:
    first, second = (RNG(n).normal(0.5, 0.01 * n, n).tolist() for n in sizes)
    expected = stats.ttest_ind(first, second, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    actual = between_seeds(first, second)
    assert actual.mean == pytest.approx((low + high) / 2, rel=1e-9)
    assert actual.ci95 == pytest.approx((high - low) / 2, rel=1e-9)
    assert actual.p == pytest.approx(expected.pvalue, rel=1e-9)


def test_identical_seeds_of_one_method_raise_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    first, second = [0.5, 0.5, 0.5], [0.3, 0.4, 0.6]
    # Welch's degrees of freedom are then those of the other method.
    error = np.std(second, ddof=1) / 3**0.5
    difference = between_seeds(first, second)
    assert difference.ci95 == pytest.approx(stats.t.ppf(0.975, 2) * error)
    assert difference.p == pytest.approx(2 * stats.t.sf(abs(difference.mean) / error, 2))
    assert not recwarn.list


def dealing(first: list[float], second: list[float]) -> float:
    """The exact p-value of assigning the seeds to the two methods at random, from scipy."""
    return stats.permutation_test(
        (first, second), lambda x, y: np.mean(x) - np.mean(y), n_resamples=np.inf
    ).pvalue


@pytest.mark.parametrize("sizes", [(3, 3), (2, 4)])
def test_identical_seeds_have_the_p_value_of_the_permutation_test(sizes: tuple[int, int]) -> None:
    first, second = [0.5] * sizes[0], [0.625] * sizes[1]
    difference = between_seeds(first, second)
    assert (difference.mean, difference.ci95) == (-0.125, 0.0)
    assert difference.p == pytest.approx(dealing(first, second))
    assert between_seeds(first, [value + 1e-8 for value in first]) == (0.0, 0.0, 1.0)
    nearly = [0.5 + 1e-8 * number for number in range(sizes[0])]
    assert between_seeds(nearly, second).p == difference.p


def closed(p: list[float]) -> list[float]:
    """Marcus, Peritz and Gabriel's closure of Bonferroni's test: a hypothesis is rejected only if
    every intersection that contains it is rejected."""
    sets = [s for n in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), n)]
    bonferroni = {s: min(1.0, len(s) * min(p[i] for i in s)) for s in sets}
    return [max(value for s, value in bonferroni.items() if i in s) for i in range(len(p))]


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_holm_equals_the_closure_of_bonferroni(count: int) -> None:
    for seed in range(20):
        p = (RNG(seed).random(count) ** 3).tolist()
        assert holm(p) == pytest.approx(closed(p), rel=1e-12)
    assert holm([0.02] * count) == pytest.approx(closed([0.02] * count))


def test_holm_equals_a_computation_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []
