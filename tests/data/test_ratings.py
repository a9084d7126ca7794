"""Ratings: the bias model against a ridge solve, its baselines, and what users' tasks may hold."""

from pathlib import Path

import numpy as np
import pytest
import torch
from data.real import beside
from torchmetrics.functional import mean_absolute_error

from innerloop.data import sampling
from innerloop.data.ratings import answers, bias
from innerloop.data.ratings.bias import Penalties
from innerloop.data.ratings.table import Ratings
from innerloop.data.ratings.users import Users
from innerloop.data.sets.movielens import NEWEST, MovieLens, cold_users
from innerloop.errors import UserError
from innerloop.objectives import Rating
from innerloop.tasks import Episode, Examples, Range, Task

USERS, ITEMS = 9, 7


def ratings() -> Ratings:
    rng = np.random.default_rng(0)
    pairs = rng.permutation(USERS * ITEMS)[:40]
    stars = rng.integers(1, 6, 40).astype(np.float32)
    return Ratings(pairs // ITEMS, pairs % ITEMS, stars)


def by_ridge(table: Ratings, penalties: Penalties) -> np.ndarray:
    """Biases of users, then of items, from the normal equations."""
    design = np.zeros((len(table.stars), USERS + ITEMS))
    design[np.arange(40), table.user] = design[np.arange(40), USERS + table.item] = 1
    penalty = np.diag([penalties.user] * USERS + [penalties.item] * ITEMS)
    rest = table.stars - table.stars.mean()
    return np.linalg.solve(design.T @ design + penalty, design.T @ rest)


def test_biases_solve_the_ridge_regression() -> None:
    table, penalties = ratings(), Penalties(2.0, 5.0)
    fitted = bias.fit(table, USERS, ITEMS, penalties)
    expected = by_ridge(table, penalties)
    np.testing.assert_allclose(fitted.users, expected[:USERS], atol=1e-6)
    np.testing.assert_allclose(fitted.items, expected[USERS:], atol=1e-6)


def test_the_baseline_of_user_and_item_is_the_ridge_solution_for_the_user() -> None:
    """With no earlier ratings: shrunk mean of the residuals, for fixed biases of items."""
    fitted = bias.fit(ratings(), USERS, ITEMS, Penalties(2.0, 5.0))
    of_item = torch.randn(8, 1)
    numbers = torch.cat([of_item, torch.zeros(8, 3)], 1)
    stars = torch.randn(8, 1)
    task = Task(
        Examples({"numbers": numbers[:5]}, stars[:5]), Examples({"numbers": numbers[5:]}, stars[5:])
    )
    start = fitted.mean - 3.6
    design = torch.cat([torch.ones(5, 1), torch.tensor([[2.0**0.5]])]).double()
    rest = torch.cat([stars[:5] - start - of_item[:5], torch.zeros(1, 1)]).double()
    own = torch.linalg.lstsq(design, rest).solution
    outputs = answers.baselines(fitted, 3.6)["user + item bias"](task)
    torch.testing.assert_close(outputs, (start + of_item[5:] + own).float(), rtol=1e-4, atol=1e-5)


def test_the_scores_are_torchmetrics_after_cutting_off_at_the_ends() -> None:
    outputs, targets = 3 * torch.randn(20, 1), torch.randint(1, 6, (20, 1)).float()
    expected = mean_absolute_error(outputs.clamp(1, 5), targets)
    torch.testing.assert_close(Rating(1, 5).scores(outputs, targets)["mae"], expected)


def test_impossible_ends_are_refused() -> None:
    with pytest.raises(UserError, match="below"):
        Rating(5, 1)


def test_candidates_are_items_that_the_user_did_not_rate() -> None:
    table = ratings()
    fitted = bias.fit(table, USERS, ITEMS, Penalties(2.0, 5.0))
    users = Users(table, None, np.zeros(40, bool), fitted)
    chosen = np.flatnonzero(users.counts <= ITEMS - 2)
    assert len(chosen) > 2
    drawn = users.candidates(chosen, sampling.keys(0, "x", chosen), 2)
    for user, items in zip(users.numbers[chosen], drawn.item, strict=True):
        assert not set(items) & set(table.item[table.user == user]) and len(set(items)) == 2
    np.testing.assert_array_equal(drawn.item_bias, fitted.items[drawn.item])
    np.testing.assert_array_equal(drawn.user[:, 0], users.numbers[chosen])
    assert np.isnan(drawn.stars).all() and drawn.real.all()
    seen = [users.candidates(chosen[:1], sampling.keys(s, "x", chosen[:1]), 1) for s in range(99)]
    assert len({int(own.item[0, 0]) for own in seen}) == ITEMS - users.counts[chosen[0]]


@pytest.fixture(scope="module")
def real() -> Path:
    return beside("recsys/ml-1m/users.dat.gz").parents[2]


EPISODE = Episode(1, Range(3, 90), 10)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["warm", "user_cold", "item_cold", "both_cold"])
def test_no_test_rating_is_in_training_and_scenarios_are_what_they_say(
    real: Path, scenario: str
) -> None:
    source = MovieLens(str(real), scenario)
    train, validation, test, asked = source._tables[1]
    pairs = {split: set(zip(own.user.tolist(), own.item.tolist(), strict=True))
             for split, own in (("train", train), ("val", validation), ("test", test))}  # fmt: skip
    questions = test if asked is None else test.where(asked)
    asked_pairs = set(zip(questions.user.tolist(), questions.item.tolist(), strict=True))
    assert not pairs["train"] & asked_pairs and not pairs["train"] & pairs["val"]
    cold = set(cold_users())
    assert not cold & set(train.user.tolist()) and not cold & set(validation.user.tolist())
    years = np.array([int(t.rstrip()[-5:-1]) if t else 0 for t in source.catalogue.titles])
    assert (years[train.item] <= NEWEST).all()
    assert (years[questions.item] > NEWEST).all() == (scenario in ("item_cold", "both_cold"))
    assert set(questions.user.tolist()) <= cold or scenario in ("warm", "item_cold")


@pytest.mark.slow
def test_a_real_task_has_padded_support_and_ten_queries(real: Path) -> None:
    source = MovieLens(str(real))
    source.check("test", EPISODE)
    tasks = source.tasks("test", np.arange(20), EPISODE, seed=0)
    sizes = tasks.support.inputs.real.sum(1)
    assert sizes.min() >= 3 and sizes.max() <= 90 and tasks.query.inputs.real.sum(1).eq(10).all()


@pytest.mark.slow
def test_candidates_follow_the_ratings_and_change_nothing_else(real: Path) -> None:
    plain, ranked = MovieLens(str(real)), MovieLens(str(real), candidates=40)
    ranked.check("test", EPISODE)
    without, tasks = (own.tasks("test", np.arange(20), EPISODE, seed=0) for own in (plain, ranked))
    assert tasks.query.inputs.real.shape == (20, 50) and tasks.query.inputs.real.all()
    stars = tasks.query.targets.values[..., 0]
    assert torch.equal(stars[:, :10], without.query.targets.values[..., 0])
    assert stars[:, 10:].isnan().all()
    assert torch.equal(tasks.support.targets.values, without.support.targets.values)
    train = ranked.tasks("train", np.arange(4), EPISODE, seed=0)
    assert train.query.targets.values.isfinite().all()
    assert plain.fingerprint("test") != ranked.fingerprint("test")


def test_missing_files_are_named_with_their_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="https://grouplens"):
        MovieLens(str(tmp_path)).prepare()


def test_an_unknown_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose one of warm"):
        MovieLens(str(tmp_path), "lukewarm")
