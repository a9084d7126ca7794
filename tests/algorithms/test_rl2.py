"""RL2 against torch's own GRU and a gradient by hand; that it learns to learn."""

import pytest
import torch
from helpers import NOW, close, config
from torch import nn

from innerloop import tasks as task_tools
from innerloop.algorithms.in_context.rl2 import RL2
from innerloop.engines.engine import Engine
from innerloop.environments.bandit import Bandit
from innerloop.environments.navigation import Navigation
from innerloop.environments.play import EpisodeInputs, Episodes, play_in_turn
from innerloop.experiment.problem import build_problem
from innerloop.layers.gru import GRU
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives.total_reward import Return
from innerloop.tasks import Examples, Task


def twin(ours: GRU) -> nn.GRU:
    """PyTorch's GRU with the same weights."""
    theirs = nn.GRU(ours.entering.in_features, ours.returning.in_features, batch_first=True)
    weights = [*ours.entering.parameters(), *ours.returning.parameters()]
    names = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")
    theirs.load_state_dict(dict(zip(names, weights, strict=True)))
    return theirs.double()


def test_the_gru_equals_that_of_torch_and_passes_over_what_is_not_real() -> None:
    ours = GRU(3, 4).double()
    sequence, start = torch.randn(2, 6, 3).double(), torch.randn(2, 4).double()
    real = torch.ones(2, 6).double()
    expected, _ = twin(ours)(sequence, start[None])
    close(ours.along(sequence, start, real), expected)
    close(ours(sequence[:, 0], start), expected[:, 0])
    real[:, 2:4] = 0
    shorter, _ = twin(ours)(sequence[:, [0, 1, 4, 5]], start[None])
    close(ours.along(sequence, start, real)[:, [0, 1, 4, 5]], shorter)


def player(remembers: bool, environment: Bandit | Navigation) -> RL2:
    outputs = environment.actions.outputs
    model = Network(MLP([environment.observations], hidden=[]), outputs)
    own = RL2(model, Return(outputs), environment, width=6, remembers=remembers, entropy=0.3)
    return own.double()


def trial(learner: RL2, inputs: EpisodeInputs) -> Episodes:
    """All episodes in turn, from a blank memory."""
    return play_in_turn(learner.environment, learner.act, learner.blank(inputs, 1), inputs)[0]


def episodes(environment: Bandit | Navigation, count: int, first: int = 0) -> EpisodeInputs:
    parameters = torch.linspace(0.2, 0.4, environment.parameters).double().expand(count, -1)
    return {"parameters": parameters, "keys": torch.arange(count) + first}


@pytest.mark.parametrize("environment", [Bandit(3, 5), Navigation(8)])
def test_the_memory_of_a_support_is_that_of_torchs_gru_along_it(
    environment: Bandit | Navigation,
) -> None:
    learner, inputs = player(True, environment), episodes(environment, 3)
    (past,) = learner.adapt(Examples(inputs, torch.zeros(3, 0)), 0, NOW)
    played = trial(learner, inputs)
    steps = environment.horizon
    assert played.rewards.shape == (1, 3 * steps)
    seen = played.observations[played.real > 0]
    _, last = twin(learner.gru)(seen[None])
    close(past.memory, last[0])
    assert seen[:, -1].sum() == 2  # two ends were seen before the third episode's


def test_queries_do_not_see_each_other_and_forget_the_support_if_told_to() -> None:
    environment = Bandit(3, 12)
    support, others = (Examples(episodes(environment, 4, k), torch.zeros(4, 0)) for k in (0, 9))
    query = Examples(episodes(environment, 2, 20), torch.zeros(2, 0))
    outputs = {}
    for remembers in (True, False):
        torch.manual_seed(0)
        learner = player(remembers, environment)
        nn.init.normal_(learner.policy.weight, std=20.0)  # so that its memory decides
        for name, given in (("one", support), ("other", others)):
            ((_, outputs[remembers, name]),) = learner.trajectory(Task(given, query), 0, NOW)
    assert torch.equal(outputs[False, "one"], outputs[False, "other"])
    assert not torch.equal(outputs[True, "one"], outputs[True, "other"])


def test_the_gradient_equals_a_computation_by_hand() -> None:
    """Step by step, with PyTorch's GRU, Categorical and a loop for the advantages."""
    environment = Bandit(3, 5)
    learner, inputs = player(False, environment), episodes(environment, 2)
    task = Task(*[Examples(inputs, torch.zeros(2, 0))] * 2)
    weights = [*learner.policy.parameters(), *learner.critic.parameters()]
    loss = learner.meta_loss(task, NOW)
    actual = torch.autograd.grad(loss, weights)
    played = [trial(learner, task_tools.part(inputs, i, i + 1))
              for i in range(2)]  # fmt: skip
    expected = torch.zeros(())
    for single in played:
        hidden, _ = twin(learner.gru)(single.observations)
        known = inputs["parameters"][0].expand(5, -1), torch.linspace(0, 1, 5).double()[:, None]
        left = torch.tensor(
            [sum(0.99**k for k in range(5 - t)) for t in range(5)], dtype=torch.float64
        )
        values = left * learner.critic(torch.cat([hidden[0].detach(), *known], 1))[:, 0]
        guesses, gain, gains = values.tolist(), 0.0, []
        for t in reversed(range(5)):
            later = guesses[t + 1] if t < 4 else 0.0
            gain = float(single.rewards[0, t]) + 0.99 * later - guesses[t] + 0.99 * 0.3 * gain
            gains.insert(0, gain)
        chances = torch.distributions.Categorical(logits=learner.policy(hidden[0].detach()))
        logs = chances.log_prob(single.actions[0].argmax(-1))
        gains = torch.tensor(gains, dtype=torch.float64)
        expected = expected - (gains * logs + 0.3 * 0.5 * chances.entropy()).mean() / 2
        expected = expected + ((values - values.detach() - gains) / left).square().mean() / 2
    close(actual, torch.autograd.grad(expected, weights))
    assert all(slope.abs().max() > 1e-4 for slope in actual)


def test_the_policy_never_sees_the_parameters() -> None:
    """Bandits that pay alike on the same arms are played alike."""
    learner = player(False, Bandit(3, 6))
    keys = torch.arange(4)
    sure = {"parameters": torch.ones(4, 3).double(), "keys": keys}
    surer = {"parameters": 2 * torch.ones(4, 3).double(), "keys": keys}
    past = learner.blank(sure, 1)
    close(learner.predict(past, sure), learner.predict(past, surer))
    assert trial(learner, sure).actions.equal(trial(learner, surer).actions)


@pytest.mark.slow
def test_it_learns_to_find_the_better_arm() -> None:
    """Two arms and ten pulls: random 5.0, the best possible about 6.2."""
    small = ("dataset.environment.arms=2", "dataset.environment.horizon=10", "outer.tasks=128")
    settings = config("experiment=bandit_rl2", *small)
    settings.hydra = None
    torch.manual_seed(0)
    problem = build_problem(settings)
    optimizer = torch.optim.Adam(problem.algorithm.parameters(), lr=0.01)
    for step in range(200):
        batch, progress = problem.data.training_batch(step), torch.tensor(step / 200)
        _, slopes = Engine().meta_gradient(problem.algorithm, batch, progress)
        for name, parameter in problem.algorithm.named_parameters():
            parameter.grad = slopes[name]
        optimizer.step()
    with torch.no_grad():
        tasks = problem.data.first("test", 1000)
        scores = problem.algorithm.scores(tasks, 0, torch.tensor(1.0))["return"]
    assert scores.mean() > 5.8
