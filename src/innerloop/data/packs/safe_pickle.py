"""Pickles of arrays, read without running any code that they bring.

Nothing of numpy's is called with what a file says: its arrays and their types are built here, of
plain numbers alone. Python's own reader is used, not the one in C, which a few bytes can make
ask for any amount of memory.
"""

import pickle
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from innerloop.data.packs.ordinary import ordinary
from innerloop.errors import UserError

_NUMBERS = re.compile(r"[biuf][1248]")


class _Type:
    """What stands for a `numpy.dtype` while a file is read."""

    def __init__(self, code: Any, *options: Any) -> None:
        if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
            raise pickle.UnpicklingError("it asks for an array of something else than numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """What stands for a `numpy.ndarray` while a file is read."""

    value: np.ndarray

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, data = state
        self.value = _array_of_buffer(data, kind, shape, "F" if by_columns else "C")


def _new_array(*given: Any) -> _Array:
    return _Array()


def _array_of_buffer(data: Any, kind: _Type, shape: Any, order: str, *more: Any) -> np.ndarray:
    if any(option is not None for option in more):
        raise pickle.UnpicklingError("it asks for an array in a rare order")
    return np.frombuffer(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def _scalar(kind: _Type, data: bytes) -> Any:
    (value,) = np.frombuffer(data, kind.dtype)
    return value


def _bytes(text: str, coding: str) -> bytes:
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _bytes,  # how protocol 2 writes bytes
}
for _core in ("numpy.core", "numpy._core"):
    ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _new_array
    ALLOWED[f"{_core}.multiarray", "scalar"] = _scalar
    ALLOWED[f"{_core}.numeric", "_frombuffer"] = _array_of_buffer


class _Reader(pickle._Unpickler):
    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ALLOWED[module, name]

    def load_build(self) -> None:
        state, thing = self.stack.pop(), self.stack[-1]
        if not isinstance(thing, _Type | _Array):
            raise pickle.UnpicklingError("it changes something that is no array")
        thing.__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build


def load(path: Path, most: int | None = None) -> Any:
    """The object of a pickle of dictionaries of numpy arrays of numbers and plain containers.

    Arguments:
        most: bytes that the file can have.

    Raises:
        UserError: if it asks for anything else, or is too large, cut short or altered.
    """
    with ordinary(path, most).open("rb") as file:
        try:
            return _with_arrays(_Reader(file).load(), set())
        except Exception as error:  # an altered pickle can raise nearly anything
            raise UserError(
                f"{path} is not a whole pickle of arrays ({' '.join(str(error).split())[:120]}): "
                "delete it and run again."
            ) from error


def _with_arrays(thing: Any, seen: set[int]) -> Any:
    """Puts arrays where they are stood for, in dictionaries in place; each is looked at once."""
    if isinstance(thing, _Array):
        return thing.value
    if isinstance(thing, dict) and id(thing) not in seen:
        seen.add(id(thing))
        for key, value in thing.items():
            thing[key] = _with_arrays(value, seen)
    return thing
