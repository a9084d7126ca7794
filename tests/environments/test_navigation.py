"""2D navigation by hand, its tasks, and the figures that its baselines must have."""

import numpy as np
import pytest
import torch
from helpers import config, learners

from innerloop.conformance import answers, data_sets, meta_gradients
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import checks
from innerloop.conformance.subject import Subject
from innerloop.data.sets.navigation2d import Navigation2D
from innerloop.environments.navigation import Navigation
from innerloop.environments.play import EpisodeInputs, play
from innerloop.errors import UserError
from innerloop.experiment.problem import build_problem
from innerloop.tasks import Episode

ACTING = learners("environments")
PROMISES = checks(answers, meta_gradients).values()
SMALL = ("episode.shots=3", "episode.queries=2", "dataset.environment.horizon=4")


def test_a_step_by_hand() -> None:
    world, goal = Navigation(horizon=3), torch.tensor([[0.3, 0.0]])
    state = world.start(goal)
    assert state.tolist() == [[0, 0]]
    state, reward, ended = world.step(goal, state, torch.tensor([[0.5, -0.04]]), torch.zeros(1))
    torch.testing.assert_close(state, torch.tensor([[0.1, -0.04]]))  # cut off at 0.1
    torch.testing.assert_close(reward, -torch.tensor([(0.2**2 + 0.04**2) ** 0.5]))
    assert not ended.item()
    *_, ended = world.step(goal, torch.tensor([[0.209, 0.0]]), torch.tensor([[0.09, 0.0]]), reward)
    assert ended.item()  # within 0.01


def test_rewards_stop_at_the_goal() -> None:
    world, goal = Navigation(horizon=6), torch.tensor([[0.2, 0.0]])
    inputs: EpisodeInputs = {"parameters": goal, "keys": torch.tensor([1])}
    ahead = torch.tensor([1.0, 0.0, -torch.inf, -torch.inf])  # mean 0.1 to the right, no spread
    episodes = play(world, lambda seen: ahead.expand(len(seen), 4), inputs)
    expected = torch.tensor([-0.1, 0, 0, 0, 0, 0])  # the least spread moves it a little
    torch.testing.assert_close(episodes.rewards[0], expected, rtol=0, atol=0.01)
    assert episodes.real[0].tolist() == [1, 1, 0, 0, 0, 0]


def test_standing_still_is_worth_what_the_integral_says() -> None:
    """The mean distance of a uniform goal in the square from its centre, times 100."""
    source = Navigation2D(Navigation(100))
    batch = source.tasks("test", np.arange(4000), Episode(1, 1, 1), 0)
    still = source.baselines()["standing still"]
    returns = [still(_task(batch, i)).sum() for i in range(0, 4000, 4)]
    side = torch.linspace(-0.5, 0.5, 2001).double()[:-1] + 0.5 / 2000
    expected = -100 * (side[:, None] ** 2 + side**2).sqrt().mean()
    error = torch.stack(returns).std() / len(returns) ** 0.5
    assert abs(torch.stack(returns).mean() - expected) < 4 * error
    assert expected == pytest.approx(-38.26, abs=0.01)


def _task(batch: object, index: int) -> object:
    from innerloop import tasks as task_tools

    return task_tools.only(task_tools.part(batch, index, index + 1))


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda check: check.__name__)
def test_the_tasks_keep_the_promises_of_data_sets(check: object) -> None:
    source = Navigation2D(Navigation(5))
    check(DataSet(source, Episode(1, 3, 2), {"parameters": [2], "keys": []}, None))


@pytest.mark.parametrize("name", ACTING)
@pytest.mark.parametrize(
    "check", checks(answers, meta_gradients).values(), ids=lambda c: c.__name__
)
def test_learners_that_act_keep_the_promises_of_algorithms(name: str, check: object) -> None:
    settings = config("dataset=navigation2d", f"algorithm={name}", "inner.steps=2", *SMALL)
    settings.hydra = None
    drawn = iter(range(1000))

    def draw(count: int) -> object:
        data = build_problem(settings).data
        indices = np.array([next(drawn) for _ in range(count)])
        return data.source.tasks("train", indices, data.episode, 0)

    check(Subject(lambda: build_problem(settings).algorithm, draw))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("algorithm=maml", "dataset=navigation2d"), "choose algorithm=maml_rl"),
        (("dataset=sinusoid", "algorithm=maml_rl"), "choose dataset=navigation2d"),
    ],
)
def test_a_pair_that_does_not_fit_is_refused_in_a_line(words: tuple[str, ...], said: str) -> None:
    settings = config(*words)
    settings.hydra = None
    with pytest.raises(Exception, match=said) as caught:
        build_problem(settings)
    assert isinstance(caught.value.__cause__ or caught.value, UserError)
