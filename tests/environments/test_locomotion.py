"""MuJoCo's robots as pure functions, against Gymnasium's own environments."""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from innerloop.conformance import data_sets
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import checks
from innerloop.data.sets.locomotion import Directions
from innerloop.environments.locomotion import Locomotion
from innerloop.errors import UserError
from innerloop.tasks import Episode


def test_without_its_extra_the_data_set_says_what_to_install() -> None:
    with (
        mock.patch.dict(sys.modules, {"mujoco": None}),
        pytest.raises(UserError, match=r"innerloop\[rl\]"),
    ):
        Locomotion()


@pytest.fixture(params=["half_cheetah", "ant"])
def robot(request: pytest.FixtureRequest) -> str:
    pytest.importorskip("mujoco")
    pytest.importorskip("gymnasium")
    return request.param


def test_a_step_equals_that_of_gymnasium(
    robot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gymnasium

    monkeypatch.chdir(tmp_path)  # where MuJoCo logs what it says of Gymnasium's files
    names = {"half_cheetah": "HalfCheetah-v5", "ant": "Ant-v5"}
    theirs, ours = gymnasium.make(names[robot]).unwrapped, Locomotion(robot)
    theirs.reset(seed=0)
    random, positions = np.random.default_rng(0), theirs.model.nq
    state, direction = ours.first.double()[None], -torch.ones(1, 1).double()
    for _ in range(3):
        actions = random.uniform(-1.5, 1.5, (1, ours.actions.width))
        theirs.set_state(state[0, :positions].numpy(), state[0, positions:].numpy())
        theirs.data.qacc_warmstart[:] = 0  # of the solver
        before = float(state[0, 0])
        seen, *_, told = theirs.step(actions[0].clip(-1, 1))
        outcome = ours.step(direction, state, torch.from_numpy(actions), torch.zeros(1))
        state = outcome.state
        expected = np.concatenate([theirs.data.qpos, theirs.data.qvel])
        np.testing.assert_allclose(state[0].numpy(), expected, rtol=0, atol=1e-9)
        observed = ours.observe(state)[0].numpy()
        np.testing.assert_allclose(observed, seen[: len(observed)], rtol=0, atol=1e-9)
        velocity = (theirs.data.qpos[0] - before) / theirs.dt
        if robot == "half_cheetah":  # Ant's is read within the last frame
            assert velocity == pytest.approx(told["x_velocity"], abs=1e-9)
        reward = -velocity + told["reward_ctrl"] + told.get("reward_survive", 0.0)
        assert outcome.rewards.item() == pytest.approx(reward, abs=1e-6)
        assert not outcome.ended.item()


def test_episodes_side_by_side_equal_each_alone(robot: str) -> None:
    world = Locomotion(robot)
    states = world.start(torch.ones(6, 1)) + 0.05 * torch.randn(6, len(world.first))
    actions, ways = torch.randn(6, world.actions.width), torch.tensor([[1.0], [-1.0]] * 3)
    luck = torch.zeros(6)
    together = world.step(ways, states, actions, luck)

    def pairs(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(0, (3, 2))

    mapped = torch.func.vmap(world.step)(*map(pairs, (ways, states, actions, luck)))
    assert mapped.state.flatten(0, 1).equal(together.state)
    assert mapped.rewards.flatten().equal(together.rewards)
    for i in range(6):
        alone = world.step(ways[i : i + 1], states[i : i + 1], actions[i : i + 1], luck[:1])
        assert alone.state[0].equal(together.state[i])


def test_an_ant_that_lies_on_its_back_ends_its_episode() -> None:
    pytest.importorskip("mujoco")
    world = Locomotion("ant")
    state = world.start(torch.ones(1, 1)).clone()
    state[0, 2] = 3.0  # above the ground
    assert world.step(torch.ones(1, 1), state, torch.zeros(1, 8), torch.zeros(1)).ended.item()


def test_an_unknown_robot_is_refused() -> None:
    with pytest.raises(UserError, match="half_cheetah, ant"):
        Locomotion("walker")


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda check: check.__name__)
def test_the_tasks_keep_the_promises_of_data_sets(check: object) -> None:
    pytest.importorskip("mujoco")
    source = Directions(Locomotion(horizon=3))
    check(DataSet(source, Episode(1, 3, 2), {"parameters": [1], "keys": []}, None))
