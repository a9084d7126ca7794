"""Policy gradients against exact expectations, and what holds for every learner of environments."""

from typing import NamedTuple

import pytest
import torch
from helpers import NOW, close, config, learners, run
from hydra.errors import InstantiationException
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.adaptation import policy_gradient
from innerloop.algorithms.algorithm import Algorithm
from innerloop.environments.actions import Continuous, Discrete
from innerloop.environments.navigation import Navigation
from innerloop.environments.play import play
from innerloop.experiment.problem import build_problem
from innerloop.startup import command
from innerloop.tasks import Task


def test_the_derivative_of_rewards_is_the_exact_policy_gradient() -> None:
    """All action sequences of two steps of three choices, each counted by its probability."""
    logits = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    worth = torch.randn(2, 3, 3, dtype=torch.float64)  # rewards of a step, by both actions

    def chances() -> Tensor:
        first, second = logits.softmax(-1)
        return first[:, None] * second[None]

    exact = torch.autograd.grad((chances() * worth.sum(0)).sum(), logits)[0]
    first, second = (x.flatten() for x in torch.meshgrid(*[torch.arange(3)] * 2, indexing="ij"))
    taken = torch.stack([F.one_hot(first, 3), F.one_hot(second, 3)], 1).double()
    rewards = worth.flatten(1).T * torch.tensor([1.0, 1.0])  # the first one knows both actions
    kind = Discrete(3)
    log_probability = kind.log_probability(logits.expand(9, 2, 3), taken)
    gains = rewards.sum(1, keepdim=True).expand(-1, 2)
    value = policy_gradient.with_policy_gradient(rewards, log_probability, gains)
    close(value.detach(), rewards)
    estimate = (value.sum(1) * chances().detach().flatten()).sum()
    close(torch.autograd.grad(estimate, logits)[0], exact)


def test_advantages_equal_a_loop_over_the_steps() -> None:
    rewards, values = torch.randn(2, 4, 6, dtype=torch.float64)
    real = torch.ones(4, 6, dtype=torch.float64)
    real[1, 3:] = 0
    rewards, values = rewards * real, values * real
    raw = torch.zeros(4, 6, dtype=torch.float64)
    for i in range(4):
        after = 0.0
        for t in reversed(range(int(real[i].sum()))):
            later = float(values[i, t + 1]) if t < 5 else 0.0
            after = float(rewards[i, t] + 0.9 * later - values[i, t]) + 0.9 * 0.8 * after
            raw[i, t] = after
    counted = raw[real == 1]
    expected = (raw - counted.mean()) / counted.std(correction=0) * real
    close(policy_gradient.advantages(rewards, values, real, 0.9, 0.8), expected, rtol=1e-6)


def test_log_probabilities_equal_those_of_torch() -> None:
    outputs, actions = torch.randn(5, 4).double(), torch.randn(5, 2).double()
    mean, s = outputs.chunk(2, -1)
    expected = (
        torch.distributions.Normal(0.1 * mean, 0.05 * (3 * (s / 3).tanh()).exp())
        .log_prob(actions)
        .sum(-1)
    )
    close(Continuous(2, scale=0.1, spread=0.5).log_probability(outputs, actions), expected)


def test_choices_are_drawn_with_their_probabilities() -> None:
    logits = torch.tensor([0.5, -1.0, 1.5])
    drawn = Discrete(3).draw(logits.expand(1000, 3), (torch.arange(1000) + 0.5)[:, None] / 1000)
    torch.testing.assert_close(drawn.mean(0), logits.softmax(0), atol=2e-3, rtol=0)


def test_a_walk_to_the_goal_by_hand() -> None:
    goal = torch.tensor([[0.25, 0.0]])
    inputs = {"parameters": goal, "keys": torch.zeros(1, dtype=torch.int64)}

    def to_the_right(seen: Tensor) -> Tensor:
        return torch.tensor([[9.0, 0.0, -99.0, -99.0]])  # 0.9, which is cut off at 0.1

    episodes = play(Navigation(5), to_the_right, inputs)
    by_hand = -torch.tensor([[0.15, 0.05, 0.05, 0.15, 0.25]])
    torch.testing.assert_close(episodes.rewards, by_hand, atol=5e-3, rtol=0)
    near = play(Navigation(5), to_the_right, {**inputs, "parameters": torch.tensor([[0.2, 0.0]])})
    torch.testing.assert_close(near.rewards[0, 2:], torch.zeros(3))
    assert near.real.tolist() == [[1, 1, 0, 0, 0]]  # it arrives in the second step


class Set(NamedTuple):
    """A learner and a batch of its tasks, in float64."""

    learner: Algorithm
    batch: Task


@pytest.fixture(params=learners("environments"))
def pair(request: pytest.FixtureRequest) -> Set:
    small = ("dataset.environment.horizon=6", "episode.shots=4", "episode.queries=3")
    settings = config(f"algorithm={request.param}", "dataset=navigation2d", "outer.tasks=3", *small)
    torch.manual_seed(0)
    problem = build_problem(settings)
    batch = torch.utils._pytree.tree_map(
        lambda x: x.double() if x.is_floating_point() else x, problem.data.training_batch(0)
    )
    return Set(problem.algorithm.double(), batch)


def rewards(pair: Set, task: Task) -> Tensor:
    *_, (_, outputs) = pair.learner.trajectory(task, 2, NOW)
    return outputs.detach()


def test_the_same_task_gives_the_same_rewards_and_gradient(pair: Set) -> None:
    task = task_tools.only(pair.batch)
    before = rewards(pair, task), run(pair.learner, pair.batch)
    torch.manual_seed(7)  # the keys alone decide
    torch.testing.assert_close(
        (rewards(pair, task), run(pair.learner, pair.batch)), before, rtol=0, atol=0
    )


def test_a_batch_of_tasks_equals_each_task_alone(pair: Set) -> None:
    (loss, gradient), singles = run(pair.learner, pair.batch), []
    for i in range(3):
        singles.append(run(pair.learner, task_tools.part(pair.batch, i, i + 1)))
    close(loss, sum(one for one, _ in singles) / 3)
    for key in gradient:
        close(gradient[key], sum(g[key] for _, g in singles) / 3, rtol=1e-7, atol=1e-9)
        assert gradient[key].abs().max() > 0


def test_an_episode_is_the_same_alone_and_among_others(pair: Set) -> None:
    task = task_tools.only(pair.batch)
    together = rewards(pair, task)
    alone = Task(task.support, task_tools.part(task.query, 1, 2))
    close(rewards(pair, alone)[0], together[1])
    assert (together[0] - together[1]).abs().max() > 1e-3  # episodes have noise of their own


def test_every_inner_step_plays_new_episodes(pair: Set) -> None:
    support = task_tools.only(pair.batch).support
    env = pair.learner.environment
    visits = [play(env, lambda seen: seen.new_zeros(len(seen), 4), support.inputs, k).actions
              for k in (1, 2)]  # fmt: skip
    assert (visits[0] - visits[1]).abs().min() > 0


@pytest.mark.parametrize(
    ("algorithm", "dataset", "advice"),
    [("maml", "navigation2d", "maml_rl"), ("maml_rl", "glyphs", "dataset=navigation2d")],
)
def test_a_learner_refuses_tasks_of_the_other_kind(
    algorithm: str, dataset: str, advice: str
) -> None:
    with pytest.raises(InstantiationException) as caught:
        build_problem(config(f"algorithm={algorithm}", f"dataset={dataset}"))
    assert advice in str(command.explain(caught.value))


def test_the_first_order_gradient_ascends_the_return() -> None:
    """An inner step on many episodes of one goal raises the return, in its own environment."""
    sizes = ("episode.shots=200", "episode.queries=200", "dataset.environment.horizon=10")
    settings = config("algorithm=maml_rl", "dataset=navigation2d", "outer.tasks=4", *sizes)
    torch.manual_seed(0)
    problem = build_problem(settings)
    with torch.no_grad():
        curve = problem.algorithm.scores(problem.data.training_batch(0), 3, NOW)["return"]
    assert (curve[:, -1] > curve[:, 0]).all()


def test_each_inner_step_has_its_own_learned_rate() -> None:
    """The second rate changes what follows the second step, and not the first."""
    small = ("episode.shots=4", "episode.queries=2", "dataset.environment.horizon=5")
    settings = config("dataset=navigation2d", "algorithm=maml_rl", "algorithm.step_rates=true",
                      "algorithm.adapted=[head.*]", "inner.steps=2", *small)  # fmt: skip
    settings.hydra = None
    problem = build_problem(settings)
    learner, task = problem.algorithm, task_tools.only(problem.data.training_batch(0))
    assert set(learner.learned_rates()) == {"head.weight", "head.bias"}
    before = [adapted.parameters for adapted in learner.adapt(task.support, 2, NOW)]
    with torch.no_grad():
        for rate in learner.rates.values():
            rate[1] *= 2
    after = [adapted.parameters for adapted in learner.adapt(task.support, 2, NOW)]
    close(after[1], before[1])
    for name in ("head.weight", "head.bias"):
        step = before[2][name] - before[1][name]
        close(after[2][name] - after[1][name], 2 * step, rtol=1e-4, atol=1e-6)
    close(after[2]["body.layers.1.weight"], before[0]["body.layers.1.weight"])
