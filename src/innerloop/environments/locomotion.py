"""Robots of MuJoCo that must run forwards or backwards, and are not told which."""

from typing import NamedTuple

import torch
from torch import Tensor

from innerloop.environments import mujoco
from innerloop.environments.actions import Actions, Continuous
from innerloop.environments.environment import Outcome
from innerloop.errors import UserError


class Robot(NamedTuple):
    """What Gymnasium says of a robot.

    Arguments:
        file: its name in Gymnasium.
        hidden: first positions, which a policy does not see.
        effort: cost of the squared controls.
        alive: reward of a step that does not end the episode.
        height: range of the third position, outside of which an episode ends; None: any.
    """

    file: str
    hidden: int
    effort: float
    alive: float = 0.0
    height: tuple[float, float] | None = None


ROBOTS = {
    "half_cheetah": Robot("half_cheetah", hidden=1, effort=0.1),
    "ant": Robot("ant", hidden=2, effort=0.5, alive=1.0, height=(0.2, 1.0)),
}
FRAMES = 5  #: of the simulation in a step


class Locomotion:
    r"""Gymnasium's HalfCheetah or Ant, whose task is a direction :math:`d = \pm 1`: the reward is
    :math:`d v - c \|a\|^2` (+1 for Ant), with the velocity v along x.

    A policy sees positions without those along the ground, and velocities; actions are cut off at
    ±1. An Ant that falls or jumps ends its episode.

    Arguments:
        robot: `half_cheetah` or `ant`.
        horizon: steps of an episode.

    Raises:
        UserError: for another robot, a horizon below 1, or without MuJoCo and Gymnasium.

    Deviations: episodes start at rest in the robot's first position, where Gymnasium adds noise,
    and end after 200 steps, as in the paper, where Gymnasium's have 1,000. An Ant does not see the
    forces of contact, nor pays for them; its velocity is that of its position after the last frame,
    where Gymnasium reads it within that frame. MuJoCo's solver forgets its last solution at every
    step, so that a step is a pure function.

    References:
        Finn, Abbeel and Levine, "Model-agnostic meta-learning for fast adaptation of deep
        networks", 2017, section 5.3.
    """

    parameters = 1

    def __init__(self, robot: str = "half_cheetah", horizon: int = 200) -> None:
        if robot not in ROBOTS or horizon < 1:
            raise UserError(
                f"dataset.environment.robot={robot}, horizon={horizon}: choose a robot of "
                f"{', '.join(ROBOTS)}, and 1 or more steps."
            )
        self.robot, self.horizon = ROBOTS[robot], horizon
        model = mujoco.load(self.robot.file)
        self.first = torch.tensor([*model.qpos0, *[0.0] * model.nv])
        self.seconds = FRAMES * float(model.opt.timestep)
        self.observations = len(self.first) - self.robot.hidden
        self.actions: Actions = Continuous(int(model.nu), scale=1.0, spread=0.5)

    def start(self, parameters: Tensor) -> Tensor:
        return self.first.to(parameters).expand(len(parameters), -1)

    def observe(self, state: Tensor) -> Tensor:
        return state[:, self.robot.hidden :]

    def step(self, parameters: Tensor, state: Tensor, actions: Tensor, luck: Tensor) -> Outcome:
        controls = actions.clamp(-1, 1)
        after = mujoco.advance(self.robot.file, state, controls, FRAMES)
        velocity = (after[:, 0] - state[:, 0]) / self.seconds
        cost = self.robot.effort * controls.square().sum(-1)
        rewards = parameters[:, 0] * velocity - cost + self.robot.alive
        return Outcome(after, rewards.to(state.dtype), self._fell(after))

    def _fell(self, state: Tensor) -> Tensor:
        if self.robot.height is None:
            return torch.zeros_like(state[:, 0], dtype=torch.bool)
        low, high = self.robot.height
        return (state[:, 2] < low) | (state[:, 2] > high) | ~state.isfinite().all(-1)
