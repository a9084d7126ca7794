"""The algorithm of a run, around its model."""

from omegaconf import DictConfig
from torch import nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.experiment import notices
from innerloop.experiment.parts.data import Episodes
from innerloop.experiment.parts.instance import instance
from innerloop.layers.adopt import adopt, batch_norms
from innerloop.objectives import Objective


def build_algorithm(config: DictConfig, episodes: Episodes, objective: Objective) -> Algorithm:
    """The algorithm around its model.

    Raises:
        UserError: if tasks have other numbers of classes in the test than in the training, and the
            algorithm trains a head of fixed width.
    """
    model = instance(config.model, "model", nn.Module, outputs=objective.width)
    model = _with_norm(model, config.norm)
    algorithm = instance(config.algorithm, "algorithm", Algorithm, model=model, objective=objective)
    train, test = episodes
    if algorithm.fixed_ways and train.most_ways != test.most_ways:
        raise UserError(
            f"episode.ways={train.ways} but episode.test.ways={test.ways}: algorithm="
            f"{config.names.algorithm} trains a head of fixed width. Give both the same largest "
            "number, or use a metric learner such as algorithm=protonet."
        )
    return algorithm


def _with_norm(model: nn.Module, mode: str) -> nn.Module:
    """The model; PyTorch's own batch norm layers in it follow `norm=` as well."""
    if layers := batch_norms(model):
        many = "layer" if len(layers) == 1 else "layers"
        notices.say(f"norm={mode}: PyTorch's batch norm follows it, in {len(layers)} {many}")
    return adopt(model, mode)
