"""Pickles of arrays, read without running any code that they bring."""

import pickle
from pathlib import Path
from typing import Any

from innerloop.errors import UserError

ALLOWED = {
    (module, name)
    for core in ("numpy.core", "numpy._core")
    for module, name in (
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        (f"{core}.multiarray", "_reconstruct"),
        (f"{core}.multiarray", "scalar"),
        (f"{core}.numeric", "_frombuffer"),
        ("_codecs", "encode"),  # how protocol 2 writes bytes
    )
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def load(path: Path) -> Any:
    """The object of a pickle that holds numpy arrays and plain containers alone.

    Raises:
        UserError: if it asks for anything else, or is cut short or altered.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file).load()
    except OSError:
        raise
    except Exception as error:  # an altered pickle can raise nearly anything
        raise UserError(
            f"{path} is not a whole pickle of arrays ({' '.join(str(error).split())[:120]}): "
            "delete it and run again."
        ) from error
