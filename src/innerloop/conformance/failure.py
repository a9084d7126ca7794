"""How a check fails, and the list of the checks of a module."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import keystr, tree_flatten_with_path

EXACT, ROUGH = 1e-10, 1e-4  #: largest relative error in float64 and in float32


class Failure(AssertionError):
    """A promise is not kept; the message says how, in words."""


def agree(actual: Any, expected: Any, what: str, bits: bool = False) -> None:
    """Raises `Failure` if two trees of tensors differ by more than rounding.

    Arguments:
        what: the name of the values, for the message.
        bits: whether not even rounding may differ.
    """
    ours, theirs = (tree_flatten_with_path(tree)[0] for tree in (actual, expected))
    if [place for place, _ in ours] != [place for place, _ in theirs]:
        raise Failure(f"{what} has parts of other names")
    for (place, a), (_, b) in zip(ours, theirs, strict=True):
        name = f"{what}{keystr(place)}"
        if isinstance(a, Tensor):
            _close(a, b, name, bits)
        elif a != b:
            raise Failure(f"{name} is {a} and not {b}")


def _close(actual: Tensor, expected: Tensor, name: str, bits: bool) -> None:
    if actual.shape != expected.shape:
        raise Failure(f"{name} is {tuple(actual.shape)} and not {tuple(expected.shape)}")
    tolerance = EXACT if actual.dtype == expected.dtype == torch.float64 else ROUGH
    tolerance = 0.0 if bits else tolerance
    gap = gap_between(actual, expected)
    if not torch.allclose(
        actual.double(), expected.double(), rtol=tolerance, atol=tolerance / 100, equal_nan=True
    ):
        raise Failure(f"{name} differs by {gap:.2g}")


def gap_between(actual: Tensor, expected: Tensor) -> float:
    """The largest difference of two tensors; 0 for empty ones."""
    gaps = (actual.detach().double() - expected.detach().double()).abs()
    return float(gaps.max()) if gaps.numel() else 0.0


def checks(*modules: ModuleType) -> dict[str, Callable[..., None]]:
    """The public functions of modules by what they promise: the first line of their docstring."""
    return {
        (function.__doc__ or name).split("\n")[0].rstrip("."): function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }
