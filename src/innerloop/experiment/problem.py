"""A learner and its tasks: the common part of runs, estimates, replays and adaptations."""

import copy
from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.experiment.parts.algorithm import build_algorithm
from innerloop.experiment.parts.data import build_data, build_episodes
from innerloop.experiment.parts.objective import build_objective
from innerloop.experiment.parts.training import (
    Training,
    build_training,
    check_training,
    with_classes,
)
from innerloop.objectives import Objective


class Problem(NamedTuple):
    """An objective, an algorithm, the tasks, and how the training shows them.

    Arguments:
        objective: not the algorithm's own copy, so that no algorithm can change it.
        data: the tasks.
        training: whether outer steps see tasks or plain batches.
    """

    objective: Objective
    algorithm: Algorithm
    data: TaskData
    training: Training


def build_problem(config: DictConfig) -> Problem:
    """Builds the problem of a configuration; raises `UserError` if its parts do not fit."""
    episodes, training = build_episodes(config), build_training(config)
    data = build_data(config, episodes, training.size)
    training = with_classes(training, config, data.source)
    objective = build_objective(config, episodes, training.classes)
    algorithm = build_algorithm(config, episodes, copy.deepcopy(objective))
    check_training(training, config.names.algorithm, algorithm)
    return Problem(objective, algorithm, data, training)
