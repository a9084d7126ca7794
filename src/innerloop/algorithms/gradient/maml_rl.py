"""MAML for reinforcement learning (Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast
adaptation of deep networks", 2017, algorithm 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from innerloop.adaptation import policy_gradient
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import Rule, StepSGD
from innerloop.adaptation.selection import ALL, moving
from innerloop.algorithms.gradient.maml import MAML
from innerloop.algorithms.gradient.meta_sgd import key
from innerloop.environments.environment import Environment
from innerloop.environments.play import EpisodeInputs, Episodes, play
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Task


class MAMLRL(MAML):
    r"""MAML whose losses are returns of episodes, which a policy :math:`\pi` plays itself:

    .. math:: \varphi_{k+1} = \varphi_k + \alpha \frac{1}{n H} \sum_{i,t}
        A_{it} \nabla \log \pi_{\varphi_k}(a_{it} | o_{it}).

    Every inner step plays new episodes in the support's environment. Predictions are the rewards of
    the queries' episodes; their derivative is the policy gradient, which the outer loop follows.

    Arguments:
        environment: to play in.
        rate, steps, first_order, adapted: as of `MAML`.
        discount: :math:`\gamma` of later rewards.
        trace: :math:`\lambda` of generalised advantages; 1: returns minus a baseline.
        every_step: whether the outer loop sees the mean of the losses after each inner step, or
            only the last.
        step_rates: whether the outer loop learns the rates too, one for each parameter and step.

    Shapes: of `n` episodes, inputs are `parameters` `(n, p)` and `keys` `(n,)`; outputs are rewards
    `(n, horizon)`.

    Raises:
        UserError: as `MAML`, and for examples instead of environments.

    Deviations: the paper's outer loop is TRPO; here it is any optimizer on the policy gradient.
    Ratios of probabilities give the inner gradient its second derivative, as in ProMP (Rothfuss et
    al. 2019); the paper's code differentiates logarithms, which leaves a part of it out. As there,
    the outer loop does not see that the start decides which episodes the support holds. The
    paper's tests halve the rate after the first inner step; here it stays, or every step learns its
    own.

    References:
        Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast adaptation of deep
        networks", 2017.

    Example:
        >>> from innerloop.environments.navigation import Navigation
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives.total_reward import Return
        >>> model = Network(MLP([2]), outputs=4)
        >>> learner = MAMLRL(model, Return(outputs=4), Navigation(horizon=10), rate=0.1)
        >>> episodes = {"parameters": torch.ones(3, 2), "keys": torch.arange(3)}
        >>> task = Task(*[Examples(episodes, torch.zeros(3, 0))] * 2)
        >>> [tuple(o.shape) for _, o in learner.trajectory(task, 1, progress=torch.tensor(0.0))]
        [(3, 10), (3, 10)]
    """

    needs = "environments"
    mixed_mode = False

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        environment: Environment,
        rate: float,
        steps: int = 1,
        first_order: bool = False,
        adapted: str | Sequence[str] = ALL,
        discount: float = 0.99,
        trace: float = 1.0,
        every_step: bool = False,
        step_rates: bool = False,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order, adapted)
        self.environment, self.every_step = environment, every_step
        self.discount, self.trace = discount, trace
        names = moving(self.model, self.adapted) if step_rates and steps else ()
        self.rates = nn.ParameterDict({key(k): torch.full((steps,), rate) for k in names})
        self.exact_meta_gradient = False  # of the mean return, not of the return of given episodes

    def support_loss(self, parameters: Parameters, number: int, support: Examples) -> Tensor:
        rewards = self._rewards(parameters, support.inputs, visit=number + 1)
        return self.objective.loss(rewards, support.targets)

    def outputs(self, parameters: Parameters, inputs: EpisodeInputs) -> Tensor:
        return self._rewards(parameters, inputs, visit=0)

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        steps = self.steps
        judged = range(1, steps + 1) if self.every_step and steps else (steps,)
        path = self.trajectory(task, steps, progress, at=judged, embedded=True)
        losses = [self.objective.loss(outputs, task.query.targets) for _, outputs in path]
        return torch.stack(losses).mean()

    def rule(self) -> Rule:
        return StepSGD(self.learned_rates()) if self.rates else super().rule()

    def learned_rates(self) -> dict[str, Tensor]:
        names = {k: key(k) for k, _ in self.model.named_parameters()}
        return {k: self.rates[entry] for k, entry in names.items() if entry in self.rates}

    def _rewards(self, parameters: Parameters, inputs: EpisodeInputs, visit: int) -> Tensor:
        """Rewards of new episodes, `(n, horizon)`, with the derivative of the policy gradient."""
        fixed = {name: value.detach() for name, value in parameters.items()}
        episodes = play(
            self.environment, lambda seen: self.call(self.model, fixed, seen), inputs, visit
        )
        seen = episodes.observations
        outputs = self.call(self.model, parameters, seen.flatten(0, 1)).unflatten(0, seen.shape[:2])
        log_probability = self.environment.actions.log_probability(outputs, episodes.actions)
        gains = self._advantages(episodes).detach()
        return policy_gradient.with_policy_gradient(episodes.rewards, log_probability, gains)

    def _advantages(self, episodes: Episodes) -> Tensor:
        rewards, real = episodes.rewards, episodes.real
        returns = policy_gradient.discounted(rewards, self.discount)
        values = policy_gradient.linear_baseline(episodes.observations, returns, real)
        return policy_gradient.advantages(rewards, values, real, self.discount, self.trace)
