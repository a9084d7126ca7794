"""RL2 against the exact policy gradient of a small bandit, and torch's own GRU."""

import itertools

import pytest
import torch
from helpers import NOW, close
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.in_context.rl2 import RL2, Trials
from innerloop.environments.bandit import Bandit
from innerloop.environments.navigation import Navigation
from innerloop.environments.play import EpisodeInputs, Episodes
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives.total_reward import Return
from innerloop.tasks import Examples, Task

World = Bandit | Navigation


def player(world: World, remembers: bool = False, **settings: float) -> RL2:
    outputs = world.actions.outputs
    model = Network(MLP([world.observations], hidden=[]), outputs)
    return RL2(model, Return(outputs), world, width=6, remembers=remembers, **settings).double()


def episodes(world: World, count: int, first: int = 0) -> EpisodeInputs:
    parameters = torch.linspace(0.2, 0.4, world.parameters).double().expand(count, -1)
    return {"parameters": parameters, "keys": torch.arange(count) + first}


def task_of(support: EpisodeInputs, query: EpisodeInputs) -> Task:
    return Task(*[Examples(part, torch.zeros(len(part["keys"]), 0)) for part in (support, query)])


def played(learner: RL2, task: Task) -> Task:
    return task_tools.only(learner.embed(task_tools.alone(task)))


# --- the policy gradient

CHANCES = torch.tensor([[0.9, 0.3]]).double()  # of two arms, in two pulls


def along(learner: RL2, arms: tuple[int, int], pays: tuple[int, int]) -> tuple[Trials, Tensor]:
    """The trial with these arms and rewards, and its probability."""
    actions, rewards = torch.eye(2).double()[[*arms]], torch.tensor(pays).double()
    seen, memory = torch.zeros(1, 5).double(), torch.zeros(1, 6).double()
    probability, memories = torch.ones(()).double(), []
    for action, reward in zip(actions, rewards, strict=True):
        outputs, memory = learner.act(seen, memory)
        chance = (CHANCES * action).sum()
        paid = chance * reward + (1 - chance) * (1 - reward)
        probability = probability * (outputs.softmax(-1) * action).sum() * paid
        memories.append(memory)
        zero = torch.zeros(1, 1).double()
        seen = torch.cat([zero, action[None], reward.view(1, 1), zero], 1)
    real, observations = torch.ones(1, 2).double(), torch.zeros(1, 2, 5).double()
    steps = Episodes(observations, actions[None], rewards[None], real, torch.stack(memories, 1))
    return Trials(steps, CHANCES), probability


def exact_gradient(learner: RL2) -> list[Tensor]:
    """Of the expected reward of a pull, over all actions and rewards of two pulls."""
    expected = torch.zeros(()).double()
    for a, b, r, s in itertools.product((0, 1), repeat=4):
        _, probability = along(learner, (a, b), (r, s))
        expected = expected + probability * (r + s) / 2
    return list(torch.autograd.grad(expected, acting(learner)))


def acting(learner: RL2) -> list[nn.Parameter]:
    return [p for name, p in learner.named_parameters() if not name.startswith("critic")]


def sharp(learner: RL2) -> RL2:
    """With weights so large that memory and policy matter."""
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.mul_(4)
    return learner


def test_the_expected_gradient_is_the_exact_one_whatever_the_baseline_says() -> None:
    """Discount and trace are 1, so that nothing is left out of an action's consequences."""
    learner = sharp(player(Bandit(2, 2), discount=1.0, trace=1.0, entropy=0.0))
    weights = acting(learner)
    mean = [torch.zeros_like(weight) for weight in weights]
    for a, b, r, s in itertools.product((0, 1), repeat=4):
        trial, probability = along(learner, (a, b), (r, s))
        task = Task(Examples(None, None), Examples(trial, torch.zeros(1, 0)))
        slopes = torch.autograd.grad(learner.meta_loss(task, NOW), weights)
        mean = [m + probability.detach() * slope for m, slope in zip(mean, slopes, strict=True)]
    exact = exact_gradient(learner)
    for sampled, true in zip(mean, exact, strict=True):
        close(-sampled, true)
    assert max(slope.abs().max() for slope in exact) > 0.05


def test_the_mean_gradient_of_many_trials_approaches_the_exact_one() -> None:
    learner = sharp(player(Bandit(2, 2), discount=1.0, trace=1.0, entropy=0.0))
    count, each = 40, 1000
    weights, rows = acting(learner), []
    for part in range(count):
        query: EpisodeInputs = {
            "parameters": CHANCES.expand(each, 2), "keys": torch.arange(each) + part * each
        }  # fmt: skip
        task = played(learner, task_of(task_tools.part(query, 0, 1), query))
        slopes = torch.autograd.grad(-learner.meta_loss(task, NOW), weights)
        rows.append(torch.cat([slope.flatten() for slope in slopes]))
    sampled = torch.stack(rows)
    exact = torch.cat([slope.flatten() for slope in exact_gradient(learner)])
    error = sampled.std(0) / count**0.5
    assert ((sampled.mean(0) - exact).abs() <= 5 * error + 1e-12).all()
    assert exact.abs().max() > 20 * error.max()  # so that a wrong gradient would be noticed


# --- the loss, by hand


def test_the_loss_and_its_gradient_equal_a_computation_step_by_step() -> None:
    """With PyTorch's Categorical and a loop for the advantages."""
    world = Bandit(3, 5)
    learner = player(world, discount=0.9, trace=0.8, entropy=0.3)
    task = played(learner, task_of(episodes(world, 1), episodes(world, 2)))
    expected = torch.zeros(())
    for i in range(2):
        trial = task_tools.part(task.query.inputs, i, i + 1)
        hidden, rewards = trial.steps.memories[0], trial.steps.rewards[0].tolist()
        known = trial.parameters.expand(5, -1), torch.linspace(0, 1, 5).double()[:, None]
        means = learner.critic(torch.cat([hidden.detach(), *known], 1))[:, 0]
        left = torch.tensor(
            [sum(0.9**k for k in range(5 - t)) for t in range(5)], dtype=torch.float64
        )
        guesses, gain, gains = (means * left).tolist(), 0.0, []
        for t in reversed(range(5)):
            later = guesses[t + 1] if t < 4 else 0.0
            gain = rewards[t] + 0.9 * later - guesses[t] + 0.9 * 0.8 * gain
            gains.insert(0, gain)
        chances = torch.distributions.Categorical(logits=learner.policy(hidden))
        logs = chances.log_prob(trial.steps.actions[0].argmax(-1))
        worth = torch.tensor(gains, dtype=torch.float64)
        expected = expected - (worth * logs + 0.3 * 0.5 * chances.entropy()).mean() / 2
        expected = expected + ((means - means.detach() - worth / left).square()).mean() / 2
    weights = list(learner.parameters())
    actual = torch.autograd.grad(learner.meta_loss(task, NOW), weights, retain_graph=True)
    close(actual, torch.autograd.grad(expected, weights))
    assert all(slope.abs().max() > 1e-6 for slope in actual)


# --- what is remembered


@pytest.mark.parametrize("world", [Bandit(3, 5), Navigation(8)], ids=["bandit", "navigation"])
def test_memories_are_those_of_torchs_gru_along_the_trial(world: World) -> None:
    learner = player(world, remembers=True)
    task = played(learner, task_of(episodes(world, 3), episodes(world, 2, 9)))
    steps, own = task.query.inputs.steps, world.observations
    assert steps.rewards.shape == (2, 4 * world.horizon)
    twin = nn.GRU(6, 6, batch_first=True).double()
    twin.load_state_dict({f"{k}_l0": weight for k, weight in learner.gru.state_dict().items()})
    for trial in range(2):
        seen = steps.observations[trial][steps.real[trial] > 0]
        entry = torch.cat([learner.features(seen[:, :own]), seen[:, own:]], 1)
        hidden, _ = twin(learner.entry(entry)[None])
        close(steps.memories[trial][steps.real[trial] > 0], hidden[0])
        assert seen[:, -1].sum() == 3  # the ends of three episodes were seen
    of_support = learner.predict(None, task.support.inputs)  # its episodes begin both trials
    close(of_support.flatten().expand(2, -1), steps.rewards[:, : 3 * world.horizon])


def test_queries_forget_the_support_only_if_told_to() -> None:
    world = Bandit(3, 12)
    query = episodes(world, 40, 20)
    outputs = {}
    for remembers in (True, False):
        torch.manual_seed(0)
        learner = sharp(player(world, remembers))
        for name, first in (("one", 0), ("other", 9)):
            task = task_of(episodes(world, 4, first), query)
            ((_, outputs[remembers, name]),) = learner.trajectory(task, 0, NOW)
    assert torch.equal(outputs[False, "one"], outputs[False, "other"])
    assert not torch.equal(outputs[True, "one"], outputs[True, "other"])


def test_the_policy_never_sees_the_parameters() -> None:
    """Bandits that pay alike on the same arms are played alike."""
    world = Bandit(3, 6)
    learner, keys = player(world), torch.arange(4)
    sure: EpisodeInputs = {"parameters": torch.ones(4, 3).double(), "keys": keys}
    surer: EpisodeInputs = {"parameters": 2 * torch.ones(4, 3).double(), "keys": keys}
    first, second = (played(learner, task_of(x, x)).query.inputs.steps for x in (sure, surer))
    assert first.actions.equal(second.actions) and first.memories.equal(second.memories)


def test_a_support_that_is_not_remembered_is_played_in_tests_alone() -> None:
    world = Bandit(3, 6)
    learner, task = player(world), task_of(episodes(world, 4), episodes(world, 2, 9))
    training = played(learner, task)
    test = played(learner.eval(), task)
    close(test.query.inputs, training.query.inputs)
    assert [len(x.support.inputs.steps.rewards) for x in (training, test)] == [0, 4]
    alone = played(learner, task_of(episodes(world, 1), episodes(world, 4)))
    close(learner.predict(None, test.support.inputs), learner.predict(None, alone.query.inputs))
