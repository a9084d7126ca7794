"""Watches every operation for outputs that are not finite."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Finding(NamedTuple):
    """The place where numbers stop being finite."""

    kind: str  #: `inf` or `nan`
    operation: str
    read: str  #: its inputs, in words
    layer: str  #: the running layer; empty in a loss, a gradient or an update
    phase: str  #: the inner step, in words

    def __str__(self) -> str:
        place = f"in layer {self.layer}" if self.layer else "in a loss, a gradient or an update"
        return f"{self.operation}, {place}, {self.phase}: made {self.kind} from {self.read}"


class Watch(TorchDispatchMode):
    """While open, checks every operation of this thread, also inside gradients.

    An operation that writes a given infinity, as masks do, is not a fault and is ignored.
    """

    def __init__(self) -> None:
        super().__init__()
        self.findings: dict[str, Finding] = {}  #: the first `inf` and the first `nan`
        self.layers: list[str] = []
        self.phase = "before adapting"

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: tuple[type, ...],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        read = kinds((args, kwargs))
        output = func(*args, **(kwargs or {}))
        name = str(func.overloadpacket).removeprefix("aten.")
        if "empty" not in name:  # such memory is not written yet
            new = kinds(output) - read
            for kind in new & {"nan"} if read else new:
                self.findings.setdefault(kind, self._finding(kind, name, bool(read)))
        return output

    def _finding(self, kind: str, operation: str, read_inf: bool) -> Finding:
        return Finding(
            kind=kind,
            operation=operation,
            read="inf" if read_inf else "finite numbers",
            layer=self.layers[-1] if self.layers else "",
            phase=self.phase,
        )


def kinds(values: object) -> set[str]:
    """The ones of `inf` and `nan` that occur among the tensors and numbers of a tree."""
    kinds: set[str] = set()
    for value in tree_leaves(values):
        if isinstance(value, float) and not math.isfinite(value):
            kinds.add("nan" if math.isnan(value) else "inf")
        elif isinstance(value, Tensor) and value.is_floating_point():
            kinds |= _kinds_of(value)
    return kinds


def _kinds_of(value: Tensor) -> set[str]:
    if bool(torch.isfinite(value).all()):  # the usual case needs a single pass
        return set()
    tests = {"nan": torch.isnan, "inf": torch.isinf}
    return {kind for kind, test in tests.items() if bool(test(value).any())}
