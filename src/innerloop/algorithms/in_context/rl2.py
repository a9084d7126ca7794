"""RL2: a recurrent policy whose memory is the learner (Duan et al., "RL2: fast reinforcement
learning via slow reinforcement learning", 2016)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation import policy_gradient
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.environments.environment import Environment
from innerloop.environments.play import (
    EpisodeInputs,
    Episodes,
    Past,
    beginning,
    play_in_turn,
    play_on,
)
from innerloop.layers.gru import GRU
from innerloop.layers.maps import width_of
from innerloop.layers.perceptron import perceptron
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Task


class RL2(Algorithm):
    r"""A GRU that sees what it did and what it got, and so learns while it acts:

    .. math:: h_t = \mathrm{GRU}(h_{t-1}, [b(o_t), a_{t-1}, r_{t-1}, d_{t-1}]), \qquad
        a_t \sim \pi(\cdot | W h_t)

    with the body b, and d = 1 after the end of an episode. The outer loop follows the policy
    gradient over a whole trial, with generalised advantages :math:`A_t` and an entropy bonus:

    .. math:: \frac1H \sum_t A_t \nabla \log \pi(a_t | h_t) + \beta \nabla H(\pi(\cdot | h_t)).

    Arguments:
        environment: to play in.
        width: of the memory.
        discount, trace: :math:`\gamma` and :math:`\lambda` of the advantages.
        entropy: :math:`\beta` at the start of training; it falls to zero with its progress.
        remembers: whether a trial is the support's episodes and then the queries'; every query of a
            test then starts from the memory after the support. False: each episode is a trial.

    Shapes: as of `innerloop.algorithms.gradient.maml_rl`; memories are `(n, width)`.

    Raises:
        UserError: for examples instead of environments.

    Deviations: the paper follows TRPO, with a second network as baseline; here it is one step of
    any optimizer on fresh trials. The baseline predicts the mean of later rewards from the memory,
    and from the time and the parameters of the environment as well, which makes it less noisy
    (Pinto et al., "Asymmetric actor critic for image-based robot learning", 2018); the policy never
    sees them. In training, the support's actions are judged by the queries' rewards as well.

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
        trace: float = 0.3,
        entropy: float = 0.01,
        remembers: bool = True,
    ) -> None:
        super().__init__(model, objective)
        self.environment, self.remembers, self.width = environment, remembers, width
        self.discount, self.trace, self.entropy = discount, trace, entropy
        self.exact_meta_gradient = False  # of the mean return, not of the return of given episodes
        self.shuffling_changes = remembers
        self.gru = GRU(width_of(self.model.body) + environment.actions.width + 2, width)
        self.policy = nn.Linear(width, objective.width)
        self.critic: nn.Module = perceptron(width + environment.parameters + 1, width, 1)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        past = self.blank(support.inputs, 1)
        if self.remembers:
            _, past = play_in_turn(self.environment, self.act, past, support.inputs)
        yield past

    def predict(self, adapted: Adapted, inputs: EpisodeInputs) -> Tensor:
        count = len(inputs["keys"])
        past = Past(*[part.expand(count, *part.shape[1:]) for part in adapted])
        return play_on(self.environment, self.act, past, inputs)[0].rewards

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        inputs = task.query.inputs
        if self.remembers:
            inputs = task_tools.concatenate(task.support, task.query).inputs
            past = self.blank(inputs, 1)
            episodes, _ = play_in_turn(self.environment, self.act, past, inputs)
        else:
            past = self.blank(inputs, len(inputs["keys"]))
            episodes, _ = play_on(self.environment, self.act, past, inputs)
        return self.loss(episodes, inputs["parameters"][:1], progress)

    def loss(self, episodes: Episodes, parameters: Tensor, progress: Tensor) -> Tensor:
        """The loss of trials `(n, steps)` in one environment `(1, p)`, and of its baseline."""
        rewards, real = episodes.rewards, episodes.real
        start = self.blank({"parameters": parameters}, len(rewards)).memory
        memories = self.gru.along(self.read(episodes.observations), start, real)
        outputs, kind = self.policy(memories), self.environment.actions
        left = policy_gradient.discounted(torch.ones_like(rewards), self.discount)
        means = self.judge(memories.detach(), parameters)
        values = (means * left).detach()
        gains = policy_gradient.generalised(rewards, values, self.discount, self.trace)
        log_probability = kind.log_probability(outputs, episodes.actions) * real
        rewards = policy_gradient.with_policy_gradient(rewards, log_probability, gains)
        bonus = self.entropy * (1 - progress) * (kind.entropy(outputs) * real).mean()
        error = (means - (values + gains) / left).square().mean()
        return self.objective.loss(rewards, rewards[:, :0]) - bonus + error

    def judge(self, memories: Tensor, parameters: Tensor) -> Tensor:
        """The mean reward that is expected from every step of trials on, `(n, steps)`."""
        time = torch.linspace(0, 1, memories.shape[1]).to(memories)[:, None]
        known = torch.cat([parameters.expand(len(time), -1), time], -1)
        known = known.expand(len(memories), -1, -1)
        return self.critic(torch.cat([memories, known], -1))[..., 0]

    def act(self, seen: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and memories `(n, width)` after a step, from what `Past.beside` gives."""
        memory = self.gru(self.read(seen), memory)
        return self.policy(memory), memory

    def read(self, seen: Tensor) -> Tensor:
        """What the memory reads of `(..., observations + width + 2)` numbers."""
        own = self.environment.observations
        features = self.features(seen[..., :own].reshape(-1, own))
        return torch.cat([features.unflatten(0, seen.shape[:-1]), seen[..., own:]], -1)

    def blank(self, inputs: EpisodeInputs, count: int) -> Past:
        """The past of `count` agents that have not yet acted."""
        return beginning(self.environment, inputs["parameters"].new_zeros(count, self.width))
