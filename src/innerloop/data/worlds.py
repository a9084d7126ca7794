"""Tasks to act in: environments with random parameters, and the keys of their episodes."""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.sketch import Curves, Line, Sketch
from innerloop.data.source import TaskSource
from innerloop.environments.environment import Environment
from innerloop.environments.play import Agent, Policy, beginning, play, play_on
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task

VERSION = 1  #: increase it whenever the same key would draw another task


class Worlds(TaskSource):
    """A task is an environment with its own parameters: `episode.shots` episodes to adapt on, and
    `episode.queries` to be judged on.

    Inputs are `innerloop.environments.play.EpisodeInputs`; there are no targets, `(n, 0)`.

    Arguments:
        environment: to act in.
    """

    quantity = "reward"  #: what a picture shows of each step

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @abstractmethod
    def parameters(self, keys: np.ndarray) -> np.ndarray:
        """The parameters of one environment for each key, `(T, p)`."""

    def check(self, split: str, episode: Episode) -> None:
        if episode.ways != 1:
            raise UserError(
                f"An environment has no classes, so episode.ways must be 1, not {episode.ways}."
            )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        _, shots, queries = episode.numbers
        stream = sampling.keys(seed, f"environments/{split}", indices)
        own, episodes = np.moveaxis(sampling.split(stream, 2), -1, 0)
        drawn = torch.from_numpy(self.parameters(own).astype(np.float32))
        keys = torch.from_numpy(sampling.split(episodes, shots + queries).view(np.int64))

        def examples(keys: Tensor) -> Examples:
            parameters = drawn[:, None].expand(-1, keys.shape[1], -1).contiguous()
            return Examples(
                {"parameters": parameters, "keys": keys}, drawn.new_zeros(*keys.shape, 0)
            )

        return Task(examples(keys[:, :shots]), examples(keys[:, shots:]))

    def random_policy(self, seen: Tensor) -> Tensor:
        """The outputs 0 for any observation: actions of a new policy's spread, without an aim."""
        return torch.zeros(len(seen), self.environment.actions.outputs)

    def rewards_of(self, policy: Policy) -> Callable[[Task], Tensor]:
        """The baseline that follows a policy in the episodes of the queries."""
        return lambda task: play(self.environment, policy, task.query.inputs).rewards

    def rewards_with(self, agent: Agent, memory: int) -> Callable[[Task], Tensor]:
        """As `rewards_of`, for an agent whose memory begins with this many zeros."""

        def rewards(task: Task) -> Tensor:
            past = beginning(self.environment, torch.zeros(len(task.query.inputs["keys"]), memory))
            episodes, _ = play_on(self.environment, agent, past, task.query.inputs)
            return episodes.rewards

        return rewards

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        steps = list(range(1, outputs.shape[1] + 1))
        return Curves(
            title="one test task after adapting",
            x_label="step",
            y_label=self.quantity,
            lines=[
                Line(f"episode {i + 1}", steps, row.tolist()) for i, row in enumerate(outputs[:3])
            ],
        )

    def fingerprint(self, split: str) -> str:
        name, horizon = type(self.environment).__name__.lower(), self.environment.horizon
        return f"environments {name} horizon={horizon} version={VERSION}"
