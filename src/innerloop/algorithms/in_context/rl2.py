"""RL2: a recurrent policy whose memory is the learner (Duan et al., "RL2: fast reinforcement
learning via slow reinforcement learning", 2016)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from innerloop.adaptation import policy_gradient
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.environments.environment import Environment
from innerloop.environments.play import EpisodeInputs, Episodes, Past, beginning, play_on
from innerloop.layers.maps import width_of
from innerloop.layers.perceptron import perceptron
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Task, Tree


class Trials(NamedTuple):
    """Episodes in a row, for each query of a task.

    Arguments:
        steps: of `n` trials, as if each were one episode.
        parameters: of their environment, `(n, p)`.
    """

    steps: Episodes
    parameters: Tensor


class RL2(Algorithm):
    r"""A GRU that sees what it did and what it got, and so learns while it acts:

    .. math:: h_t = \mathrm{GRU}(h_{t-1}, \phi(b(o_t), a_{t-1}, r_{t-1}, d_{t-1})), \qquad
        a_t \sim \pi(\cdot | W h_t)

    with the body b, and d = 1 after the end of an episode. A trial is the support's episodes and
    then one of the query's. The outer loop follows the policy gradient over whole trials, with
    generalised advantages :math:`A_t` and a bonus for entropy:

    .. math:: \frac1H \sum_t A_t \nabla \log \pi(a_t | h_t) + \beta \nabla H(\pi(\cdot | h_t)).

    Arguments:
        environment: to play in.
        width: of the memory h and of the layer :math:`\phi`.
        discount, trace: :math:`\gamma` and :math:`\lambda` of the advantages.
        entropy: :math:`\beta` at the start of training; it falls to zero with its progress.
        remembers: False: every episode is a trial of its own, and training has no use for the
            support's.

    Shapes: as of `innerloop.algorithms.gradient.maml_rl`; memories are `(n, width)`.

    Raises:
        UserError: for examples instead of environments.

    Deviations: the paper follows TRPO, with a second network as baseline; here it is one step of
    any optimizer on new trials. The baseline predicts the mean of later rewards from the memory,
    and from the time and the parameters of the environment as well, which makes it less noisy
    (Pinto et al., "Asymmetric actor critic for image-based robot learning", 2018); the policy never
    sees them. All queries' trials share the support's episodes.

    References:
        Duan, Schulman, Chen, Bartlett, Sutskever and Abbeel, "RL2: fast reinforcement learning via
        slow reinforcement learning", 2016. Wang et al., "Learning to reinforcement learn", 2016.

    Example:
        >>> from innerloop.environments.bandit import Bandit
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives.total_reward import Return
        >>> model = Network(MLP([1], hidden=[]), outputs=5)
        >>> learner = RL2(model, Return(outputs=5), Bandit(arms=5, horizon=10))
        >>> episodes = {"parameters": torch.rand(3, 5), "keys": torch.arange(3)}
        >>> task = Task(*[Examples(episodes, torch.zeros(3, 0))] * 2)
        >>> [tuple(o.shape) for _, o in learner.trajectory(task, 0, progress=torch.tensor(0.0))]
        [(3, 10)]
    """

    needs = "environments"
    adapts_by_steps = False
    uses_head = False

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        environment: Environment,
        width: int = 64,
        discount: float = 0.99,
        trace: float = 0.9,
        entropy: float = 0.1,
        remembers: bool = True,
    ) -> None:
        super().__init__(model, objective)
        self.environment, self.remembers, self.width = environment, remembers, width
        self.discount, self.trace, self.entropy = discount, trace, entropy
        self.exact_meta_gradient = False  # of the mean return, not of the return of given episodes
        self.shuffling_changes = remembers  # type: ignore[misc]
        self.entry = perceptron(width_of(self.model.body) + environment.actions.width + 2, width)
        self.gru, self.policy = nn.GRUCell(width, width), nn.Linear(width, objective.width)
        known = environment.parameters + 1
        self.critic = nn.Sequential(perceptron(width + known, 2 * width), nn.Linear(2 * width, 1))

    def embed(self, tasks: Task) -> Task:
        """Plays the trials of all tasks at once, which is much faster than task by task."""
        support, query = tasks
        before, past = self.before(support.inputs)
        trials = self.trials(query.inputs, before if self.remembers else [], past)
        own = tree_map(lambda part: part[:, :0], trials)
        if before:
            steps = Episodes(*[torch.stack(columns, 1) for columns in zip(*before, strict=True)])
            own = Trials(steps, support.inputs["parameters"])
        return Task(Examples(own, support.targets), Examples(trials, query.targets))

    def before(self, inputs: EpisodeInputs) -> tuple[list[Episodes], Past]:
        """The support's episodes of all tasks, and what is carried into those of the query."""
        past = blank = self.blank(inputs["parameters"])
        played: list[Episodes] = []
        idle = self.training and not self.remembers  # nothing is learned from them
        for number in range(0 if idle else inputs["keys"].shape[1]):
            single = tree_map(lambda rows, number=number: rows[:, number], inputs)
            episodes, after = play_on(self.environment, self.act, past, single)
            past = after if self.remembers else blank
            played.append(episodes)
        return played, past

    def trials(self, inputs: EpisodeInputs, before: list[Episodes], past: Past) -> Trials:
        """What came before and then an episode, for every query of all tasks: `(T, q, ...)`."""
        total, queries = inputs["keys"].shape
        rows = tree_map(lambda part: part.flatten(0, 1), inputs)
        last, _ = play_on(self.environment, self.act, _each(past, queries), rows)
        parts = [*[_each(episodes, queries) for episodes in before], last]
        steps = Episodes(*[torch.cat(columns, 1) for columns in zip(*parts, strict=True)])
        trials = Trials(steps, rows["parameters"])
        return tree_map(lambda part: part.unflatten(0, (total, queries)), trials)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        yield support.inputs.steps.memories[:, -1]  # after each episode

    def predict(self, adapted: Adapted, inputs: Trials) -> Tensor:
        return inputs.steps.rewards[:, -self.environment.horizon :]

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        steps, kind = task.query.inputs.steps, self.environment.actions
        left = policy_gradient.discounted(torch.ones_like(steps.rewards), self.discount)
        means = self.judge(task.query.inputs)
        values = (means * left).detach()
        gains = policy_gradient.generalised(steps.rewards, values, self.discount, self.trace)
        outputs = self.policy(steps.memories)
        log_probability = kind.log_probability(outputs, steps.actions) * steps.real
        rewards = policy_gradient.with_policy_gradient(steps.rewards, log_probability, gains)
        bonus = self.entropy * (1 - progress) * (kind.entropy(outputs) * steps.real).mean()
        error = (means - (values + gains) / left).square().mean()
        return self.objective.loss(rewards, task.query.targets) - bonus + error

    def judge(self, trials: Trials) -> Tensor:
        """The mean reward that is expected from every step of trials on, `(n, steps)`."""
        memories = trials.steps.memories.detach()
        time = torch.linspace(0, 1, memories.shape[1]).to(memories)[:, None]
        known = [
            trials.parameters[:, None].expand(-1, len(time), -1),
            time.expand(len(memories), -1, -1),
        ]
        return self.critic(torch.cat([memories, *known], -1))[..., 0]

    def act(self, seen: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and memories `(n, width)` after a step, from what `Past.beside` gives."""
        own = self.environment.observations
        entry = self.entry(torch.cat([self.features(seen[:, :own]), seen[:, own:]], -1))
        memory = self.gru(entry, memory)
        return self.policy(memory), memory

    def blank(self, parameters: Tensor) -> Past:
        """The past of agents that have not yet acted, one for each of the parameters."""
        return beginning(self.environment, parameters.new_zeros(len(parameters), self.width))


def _each(past: Tree, times: int) -> Tree:
    """Every row as often, one copy after the other."""
    return tree_map(lambda rows: rows.repeat_interleave(times, 0), past)
