"""Bandits by hand, and what statistics has for them against brute force and Monte Carlo."""

import functools

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import Tensor

from innerloop.conformance import data_sets
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import checks
from innerloop.data.sets.bandit import Bandits
from innerloop.environments import bandit_agents
from innerloop.environments.bandit import Bandit
from innerloop.environments.play import beginning, play_on
from innerloop.errors import UserError
from innerloop.tasks import Episode


def test_the_chosen_arm_pays_with_its_probability() -> None:
    world, chances = Bandit(arms=3, horizon=5), torch.tensor([[0.2, 0.5, 0.9]]).expand(1000, 3)
    luck = (torch.arange(1000) + 0.5) / 1000
    for arm, chance in enumerate((0.2, 0.5, 0.9)):
        action = torch.eye(3)[arm].expand(1000, 3)
        outcome = world.step(chances, world.start(chances), action, luck)
        assert outcome.rewards.mean().item() == pytest.approx(chance, abs=1e-6)
        assert not outcome.ended.any()


def test_an_agent_sees_its_last_arm_and_reward_and_carries_them_on() -> None:
    world = Bandit(arms=2, horizon=3)
    inputs = {"parameters": torch.tensor([[1.0, 0.0]]), "keys": torch.tensor([5])}
    seen = []

    def in_turn(row: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(row[0].tolist())
        second = memory[:, 0] % 2
        return torch.stack([-1e9 * second, -1e9 * (1 - second)], 1), memory + 1

    past = beginning(world, torch.zeros(1, 1))
    episodes, past = play_on(world, in_turn, past, inputs)
    assert episodes.rewards.tolist() == [[1, 0, 1]]  # arms 0, 1, 0
    assert seen == [[0, 0, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0]]
    assert episodes.observations[0].tolist() == seen
    play_on(world, in_turn, past, inputs)
    assert seen[3] == [0, 1, 0, 1, 1]  # the end of the first episode, and its last reward


def test_thompson_chooses_an_arm_as_often_as_its_posterior_is_the_best() -> None:
    successes, failures = torch.tensor([[3.0, 0, 10], [30, 45, 1]]).unbind()
    for wins, losses in ((successes, failures), (failures, successes)):
        draws = np.random.default_rng(0).beta(1 + wins.numpy(), 1 + losses.numpy(), (400_000, 3))
        expected = torch.from_numpy(np.bincount(draws.argmax(1), minlength=3) / 400_000).float()
        chances = bandit_agents.thompson(wins[None], losses[None]).softmax(-1)[0]
        torch.testing.assert_close(chances, expected, atol=5e-3, rtol=0)


def by_brute_force(successes: int, failures: int, remaining: int) -> float:
    """The reward per pull of a known arm between which and this arm one is indifferent."""

    def gain(known: float) -> float:
        @functools.cache
        def worth(s: int, f: int, left: int) -> float:
            return max(left * known, pull(s, f, left)) if left else 0.0

        def pull(s: int, f: int, left: int) -> float:
            p = (s + 1) / (s + f + 2)
            return p * (1 + worth(s + 1, f, left - 1)) + (1 - p) * worth(s, f + 1, left - 1)

        return pull(successes, failures, remaining) - remaining * known

    return float(optimize.brentq(gain, 0, 1 - 1e-9))


@pytest.mark.parametrize("state", [(0, 0, 1), (0, 0, 2), (2, 1, 5), (0, 3, 8), (4, 0, 6)])
def test_gittins_index_equals_brute_force(state: tuple[int, int, int]) -> None:
    s, f, left = state
    table = bandit_agents.indices(12)
    assert table[left, s, f].item() == pytest.approx(by_brute_force(s, f, left), abs=1 / 400)


def test_an_index_of_two_pulls_by_hand() -> None:
    assert by_brute_force(0, 0, 2) == pytest.approx(5 / 9)  # 2 x = (1 + 2/3) / 2 + x / 2


def test_ucb1_pulls_every_arm_first_and_then_the_largest_bound() -> None:
    first = bandit_agents.ucb1(torch.tensor([[5.0, 0, 0]]), torch.tensor([[0.0, 0, 0]]), 1.0)
    assert first.softmax(-1).tolist() == [[0, 0.5, 0.5]]
    wins, losses = torch.tensor([[9.0, 3.0]]), torch.tensor([[1.0, 1.0]])
    bounds = [0.9 + (2 * np.log(14) / 10) ** 0.5, 0.75 + (2 * np.log(14) / 4) ** 0.5]
    assert bandit_agents.ucb1(wins, losses, 1.0).argmax().item() == np.argmax(bounds) == 1
    assert bandit_agents.ucb1(wins, losses, 0.1).argmax().item() == 0


def test_baselines_are_worth_what_theory_says() -> None:
    """Random arms pay one half; a policy that learns pays more, the index rule the most."""
    source = Bandits(Bandit(5, 40))
    batch = source.tasks("test", np.arange(1), Episode(1, 1, 3000), 0)
    keys = batch.query.inputs["keys"][0]
    chances = torch.rand(3000, 5, generator=torch.Generator().manual_seed(0))
    task = batch._replace(query=batch.query._replace(inputs={"parameters": chances, "keys": keys}))
    means = {name: float(of(task).sum(1).mean()) for name, of in source.baselines().items()}
    assert means["random arms"] == pytest.approx(20, abs=4 * 40 * 0.15 / 3000**0.5)
    assert 24 < means["UCB1"] < 40 * 5 / 6 and means["Thompson sampling"] > 24
    assert means["Gittins index"] == max(means.values()) < 40 * 5 / 6


def test_too_few_arms_are_refused() -> None:
    with pytest.raises(UserError, match="2 or more arms"):
        Bandit(arms=1)


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda check: check.__name__)
def test_the_tasks_keep_the_promises_of_data_sets(check: object) -> None:
    check(DataSet(Bandits(Bandit(3, 5)), Episode(1, 3, 2), {"parameters": [3], "keys": []}, None))
