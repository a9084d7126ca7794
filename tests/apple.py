"""A stand-in for a device without float64: no Mac is needed to test what happens on one."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

KIND = "meta"  #: the kind of device that the stand-in claims to be
REFUSAL = (
    "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64"
)


class Apple(Tensor):
    """A tensor on the stand-in, with its values; float64 raises what PyTorch raises there."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Apple":
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls, held.shape, dtype=held.dtype, device=KIND, strides=held.stride()
        )

    def __init__(self, held: Tensor) -> None:
        self.held = held

    @classmethod
    def __torch_dispatch__(
        cls,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        leaves = given.get("device") is not None and torch.device(given["device"]).type == "cpu"
        if "device" in given:
            given["device"] = "cpu"
        values = func(*tree_map(_held, args), **tree_map(_held, given))
        return values if leaves else tree_map(_on_it, values)


def _held(value: object) -> object:
    return value.held if isinstance(value, Apple) else value


def _on_it(value: object) -> object:
    if not isinstance(value, Tensor):
        return value
    if value.dtype == torch.float64:
        raise TypeError(REFUSAL)
    return Apple(value)


def moved(module: torch.nn.Module) -> torch.nn.Module:
    """The module with its parameters and buffers on the stand-in."""
    for part in module.modules():
        for name, value in list(part._parameters.items()):
            if value is not None:
                part._parameters[name] = torch.nn.Parameter(Apple(value.detach()))
        for name, buffer in list(part._buffers.items()):
            if buffer is not None:
                part._buffers[name] = Apple(buffer)
    return module
