"""A cart on a line with unknown forces: its motion, and a controller that learns them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SECONDS, RATE = 10.0, 50  #: length of a trial, and its steps in a second
SETTLED = 2.0  #: seconds at the start that count in no error
STIFFNESS, DAMPING = 4.0, 3.0  #: of the controller, 1/s² and 1/s
LOWEST = np.array([-3.0, 0.2, 0.0, -1.5])  #: of the parameters of a plant
HIGHEST = np.array([3.0, 1.2, 3.0, 1.5])

Compensate = Callable[[Tensor], Tensor]  #: states `(n, 2)` to accelerations `(n, 1)`


class Plant(NamedTuple):
    r"""A cart that is accelerated by the command and :math:`d = -a \sin 2x - b v |v| - c x + e`.

    Arguments:
        parameters: a, b, c and e, `(4,)`, in units of metres and seconds.
    """

    parameters: Tensor

    def disturbance(self, states: Tensor) -> Tensor:
        """Accelerations `(n, 1)` in m/s² that nobody commanded, for positions and speeds `(n, 2)`.

        Example:
            >>> Plant(torch.tensor([0.0, 1.0, 0.0, 2.0])).disturbance(torch.tensor([[0.0, -3.0]]))
            tensor([[11.]])
        """
        return forms(states) @ self.parameters.to(states)[:, None]


def forms(states: Tensor) -> Tensor:
    """What the parameters of a plant are multiplied by, `(n, 4)`."""
    x, v = states.unbind(-1)
    return torch.stack([-(2 * x).sin(), -v * v.abs(), -x, torch.ones_like(x)], -1)


class References(NamedTuple):
    """Paths to follow, :math:`A \\sin(\\omega t + \\phi)`, each `(n,)`, in m, 1/s and radians."""

    amplitude: Tensor
    speed: Tensor
    phase: Tensor

    def at(self, time: float) -> tuple[Tensor, Tensor, Tensor]:
        """Position, speed and acceleration, `(n,)`."""
        angle = self.speed * time + self.phase
        position = self.amplitude * angle.sin()
        speed = self.amplitude * self.speed * angle.cos()
        return position, speed, -self.speed.square() * position


def tracking_error(plant: Plant, references: References, compensate: Compensate) -> float:
    """The root mean squared distance to the references in metres, after the first seconds.

    The controller is a linear one whose command also cancels the predicted disturbance:
    :math:`u = \\ddot r - k (x - r) - c (v - \\dot r) - \\hat d(x, v)`. A cart starts on its
    reference. A step is one of Euler, speed first.

    Arguments:
        compensate: predicts the disturbance.
    """
    x, v, _ = references.at(0.0)
    squares, steps = [], int(SECONDS * RATE)
    for step in range(steps):
        position, speed, acceleration = references.at(step / RATE)
        squares.append((x - position).square())
        states = torch.stack([x, v], 1)
        command = acceleration - STIFFNESS * (x - position) - DAMPING * (v - speed)
        felt = plant.disturbance(states) - compensate(states).to(states)
        v = v + (command + felt[:, 0]) / RATE
        x = x + v / RATE
    return float(torch.stack(squares[int(SETTLED * RATE) :]).mean().sqrt())
