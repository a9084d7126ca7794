"""An algorithm: one file, two functions."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop.algorithms.algorithm import Algorithm
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Padded


class Nearest(Algorithm):
    """Cosine similarity to the most similar example of each class.

    Arguments:
        temperature: by which similarities are divided.
    """

    adapts_by_steps = False  # one answer, no curve over inner steps
    fixed_ways = False  # any number of classes in the test
    uses_head = False  # the similarity takes the head's place
    needs_classes = True  # refuses real targets
    relabelling_permutes = True

    def __init__(self, model: nn.Module, objective: Objective, temperature: float = 0.1) -> None:
        super().__init__(model, objective)
        self.temperature = temperature

    def adapt(
        self, support: Examples, steps: int, progress: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        yield F.normalize(_rows(self.features(support.inputs)), dim=-1), support.targets

    def predict(self, adapted: tuple[Tensor, Tensor], inputs: Inputs) -> Tensor:
        examples, labels = adapted
        queries = F.normalize(_rows(self.features(inputs)), dim=-1)
        similarity = queries @ examples.T / self.temperature
        classes = torch.arange(self.objective.classes(self.training), device=labels.device)
        others = labels != classes[:, None]  # padding has the label -100: of no class
        return similarity[:, None].masked_fill(others, -1e4).amax(-1)


def _rows(features: Tensor | Padded) -> Tensor:
    """The features without the note which rows are real."""
    return features.values if isinstance(features, Padded) else features
