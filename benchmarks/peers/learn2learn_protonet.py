"""learn2learn's prototypical loop: its backbone and its classifier, one pass over all images."""

import contextlib
import io
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers import Contender, backward_mean, by_gradient, one_by_one
from benchmarks.workloads import Problem
from innerloop.tasks import Task, count


def contender(problem: Problem) -> Contender:
    return by_gradient(problem, meta_gradient)


def backbone(algorithm: Any) -> nn.Module:
    """learn2learn's own Conv4, with the parameters of our body."""
    with contextlib.redirect_stderr(io.StringIO()):
        from learn2learn.vision.models import CNN4Backbone
    algorithm.to(memory_format=torch.contiguous_format)  # as theirs is in memory
    own = dict(algorithm.model.body.named_parameters())
    theirs = CNN4Backbone(hidden_size=64, layers=4, channels=1, max_pool=True)
    theirs.to(next(algorithm.parameters()))  # moves its buffers
    for index, block in enumerate(theirs):
        block.conv.weight, block.conv.bias = _parameters(own, f"blocks.{index}.0")
        block.normalize.weight, block.normalize.bias = _parameters(own, f"blocks.{index}.1")
    return theirs


def _parameters(own: Any, prefix: str) -> tuple[nn.Parameter, nn.Parameter]:
    return own[f"{prefix}.weight"], own[f"{prefix}.bias"]


def meta_gradient(algorithm: Any) -> Any:
    features, parameters = backbone(algorithm), list(algorithm.parameters())
    from learn2learn.nn import PrototypicalClassifier

    classifier, loss = PrototypicalClassifier(distance="euclidean"), nn.CrossEntropyLoss()

    def losses(tasks: Task) -> Any:
        for (inputs, targets), (questions, answers) in one_by_one(tasks):
            embedded = features(torch.cat([inputs, questions]))
            classifier.fit_(embedded[: len(inputs)], targets)
            yield loss(classifier(embedded[len(inputs) :]), answers)

    def gradient(tasks: Task) -> list[Tensor]:
        return backward_mean(parameters, losses(tasks), count(tasks))

    return gradient
