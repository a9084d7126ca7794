"""The interface between an algorithm and its audit."""

from collections.abc import Collection, Iterator
from typing import ClassVar, Protocol

from torch import Tensor, nn

from innerloop.objectives import Objective
from innerloop.tasks import Inputs, Task


class Learner(Protocol):
    """The part of an algorithm that the audit uses; any algorithm has it."""

    adapts_by_steps: ClassVar[bool]
    objective: Objective
    training: bool

    @property
    def embeds(self) -> bool: ...
    def embed(self, tasks: Task) -> Task: ...
    def predict(self, adapted: object, inputs: Inputs) -> Tensor: ...
    def trajectory(
        self,
        task: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
        embedded: bool = False,
    ) -> Iterator[tuple[object, Tensor]]: ...
    def modules(self) -> Iterator[nn.Module]: ...
    def train(self, mode: bool = True) -> object: ...
