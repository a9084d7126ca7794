"""What a run, an estimate, a replay and an adaptation start from: a learner and its tasks."""

import copy
from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.objectives import Objective
from innerloop.run.parts.algorithm import build_algorithm
from innerloop.run.parts.data import build_data, build_episodes
from innerloop.run.parts.objective import build_objective


class Problem(NamedTuple):
    """What is to be learned, by what, and from which tasks.

    Arguments:
        objective: a copy out of the algorithm's reach, for the audit.
    """

    objective: Objective
    algorithm: Algorithm
    data: TaskData


def build_problem(config: DictConfig) -> Problem:
    """The problem that a configuration poses."""
    episodes = build_episodes(config)
    objective = build_objective(config, episodes)
    return Problem(
        objective=objective,
        algorithm=build_algorithm(config, episodes, copy.deepcopy(objective)),
        data=build_data(config, episodes),
    )
