"""A data set: classes of examples, here of two parts each."""

from collections.abc import Mapping

import torch

from innerloop.data.in_memory import InMemory
from innerloop.tasks import Inputs

CLASSES = {"train": 40, "val": 10, "test": 20}
EACH = 30  #: examples of a class


class Things(InMemory):
    """Things with a shape (four numbers) and a colour (three), scattered around their kind."""

    def __init__(self) -> None:
        super().__init__("things")

    def examples(self, split: str) -> Mapping[str, Inputs]:
        random = torch.Generator().manual_seed(list(CLASSES).index(split))
        return {f"{split} kind {i}": self._kind(random) for i in range(CLASSES[split])}

    def _kind(self, random: torch.Generator) -> dict[str, torch.Tensor]:
        parts = {"shape": 4, "colour": 3}
        return {
            name: torch.randn(1, width, generator=random)
            + 0.5 * torch.randn(EACH, width, generator=random)
            for name, width in parts.items()
        }
