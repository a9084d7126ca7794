"""What is learned: the objective, and the algorithm around its model."""

from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.layers.adopt import adopt, batch_norms
from innerloop.objectives import Objective
from innerloop.run import notices
from innerloop.run.parts.data import Episodes
from innerloop.run.parts.instance import instance


def build_objective(config: DictConfig, episodes: Episodes) -> Objective:
    """What the data set asks of a learner."""
    part = config.dataset.objective
    objective: Objective = instantiate(part)
    if not hasattr(objective, "metric"):
        raise UserError(
            f"dataset.objective._target_={part._target_} is no objective: choose "
            "innerloop.objectives.Classification or Regression, or a class with the same methods."
        )
    _check_classes(objective.classes(True), "episode", episodes.train.ways)
    _check_classes(objective.classes(False), "episode.test", episodes.test.ways)
    return objective


def _check_classes(classes: int | None, key: str, ways: int) -> None:
    if classes not in (None, ways):
        raise UserError(
            f"dataset.objective is for tasks of {classes} classes, and {key}.ways={ways}: leave "
            "its ways= and test_ways= out, which follow episode."
        )


def build_algorithm(config: DictConfig, episodes: Episodes, objective: Objective) -> Algorithm:
    """The algorithm around its model."""
    model = instance(config.model, "model", nn.Module, outputs=objective.width)
    model = _with_norm(model, config.norm)
    algorithm = instance(config.algorithm, "algorithm", Algorithm, model=model, objective=objective)
    train, test = episodes
    if algorithm.adapts_by_steps and train.ways != test.ways:
        raise UserError(
            f"episode.ways={train.ways} but episode.test.ways={test.ways}: algorithm="
            f"{config.names.algorithm} trains a head of fixed width. Give both the same number, or "
            "use a metric learner such as algorithm=protonet."
        )
    return algorithm


def _with_norm(model: nn.Module, mode: str) -> nn.Module:
    """The model, whose batch norm of PyTorch's own follows `norm=` too."""
    if layers := batch_norms(model):
        many = "layer" if len(layers) == 1 else "layers"
        notices.say(f"norm={mode}: PyTorch's batch norm follows it, in {len(layers)} {many}")
    return adopt(model, mode)
