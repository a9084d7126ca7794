"""What is done with a meta-gradient within one CUDA graph."""

from collections.abc import Hashable, Sequence
from typing import Protocol

from torch import Tensor


class Update(Protocol):
    """What is done with a meta-gradient, as a function of tensors."""

    @property
    def settings(self) -> Hashable:
        """All that it depends on beside its tensors."""

    def tensors(self) -> list[Tensor]:
        """What it takes beside parameters and gradients; at least one."""

    def __call__(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], *tensors: Tensor
    ) -> Tensor:
        """Changes parameters and tensors in place, and returns what the caller is told."""
