"""Reads pickles of NumPy arrays without running code that the file names.

No function of NumPy is called with what the file says: arrays of plain numbers and their types are
built here. The reader is Python's own, not the one in C: a few bytes can make the latter allocate
any amount of memory.
"""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from innerloop.data.packs.regular_file import regular_file
from innerloop.errors import UserError

_NUMBERS = re.compile(r"[biuf][1248]")

# Types of the states that NumPy writes; other states raise errors, which `load` reports.
_TypeState = tuple[int, str | bytes, *tuple[object, ...]]


class _Type:
    """Stands for a `numpy.dtype` while a file is read."""

    def __init__(self, code: object, *options: object) -> None:
        code = code.decode() if isinstance(code, bytes) else code  # as Python 2 wrote it
        if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
            raise pickle.UnpicklingError("it asks for an array of something else than numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: _TypeState) -> None:
        order = state[1].decode() if isinstance(state[1], bytes) else state[1]
        self.dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]


_Shape = tuple[int, ...]
_ArrayState = tuple[int, _Shape, _Type, bool, bytes]


class _Array:
    """Stands for a `numpy.ndarray` while a file is read."""

    value: np.ndarray

    def __setstate__(self, state: _ArrayState) -> None:
        _, shape, kind, by_columns, data = state
        self.value = _array_of_buffer(data, kind, shape, "F" if by_columns else "C")


def _new_array(*arguments: object) -> _Array:
    return _Array()


def _array_of_buffer(
    data: bytes, kind: _Type, shape: _Shape, order: str, *more: object
) -> np.ndarray:
    if any(option is not None for option in more):
        raise pickle.UnpicklingError("it asks for an array in a rare order")
    return np.frombuffer(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def _scalar(kind: _Type, data: bytes) -> np.generic:
    (value,) = np.frombuffer(data, kind.dtype)
    return value


def _bytes(text: str, coding: str) -> bytes:
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _bytes,  # protocol 2 writes bytes this way
}
for _core in ("numpy.core", "numpy._core"):
    ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _new_array
    ALLOWED[f"{_core}.multiarray", "scalar"] = _scalar
    ALLOWED[f"{_core}.numeric", "_frombuffer"] = _array_of_buffer


class _Reader(pickle._Unpickler):
    """Python's reader, which builds nothing but what `ALLOWED` names."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ALLOWED[module, name]

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, _Type | _Array):
            raise pickle.UnpicklingError("it changes something that is not an array")
        target.__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build


def load(path: Path, most: int | None = None, encoding: str = "ASCII") -> Any:
    """The object in a pickle of dictionaries of NumPy arrays of numbers and plain containers.

    Arguments:
        path: of the file.
        most: bytes that the file can have.
        encoding: of the strings that Python 2 wrote; with `bytes`, they stay bytes.

    Raises:
        UserError: if it asks for anything else, or is too large, cut short or altered.
    """
    with regular_file(path, most).open("rb") as file:
        return load_stream(file, str(path), encoding)


def load_stream(file: IO[bytes], name: str, encoding: str) -> Any:
    """`load` of an opened file, with its name for messages."""
    try:
        return _with_arrays(_Reader(file, encoding=encoding).load(), set())
    except Exception as error:  # an altered pickle can raise nearly anything
        raise UserError(
            f"{name} is not a whole pickle of arrays ({' '.join(str(error).split())[:120]}): "
            "delete it and run again."
        ) from error


def _with_arrays(content: object, seen: set[int]) -> object:
    """Replaces stand-ins by arrays, in dictionaries and lists in place; visits each once."""
    if isinstance(content, _Array):
        return content.value
    if isinstance(content, dict) and id(content) not in seen:
        seen.add(id(content))
        for key, value in content.items():
            content[key] = _with_arrays(value, seen)
    elif isinstance(content, list) and id(content) not in seen:
        seen.add(id(content))
        for place, value in enumerate(content):
            content[place] = _with_arrays(value, seen)
    return content
