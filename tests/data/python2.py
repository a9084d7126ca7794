"""Pickles as Python 2 wrote them, in which strings are bytes."""

import io
import pickle
import struct

import numpy as np


class _Pickler(pickle._Pickler):
    """Writes strings and bytes with the opcodes of Python 2's strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text: str | bytes) -> None:
        data = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_string


def dumps(content: object) -> bytes:
    """The pickle of lists, dictionaries, strings and arrays."""
    stream = io.BytesIO()
    _Pickler(stream, protocol=2).dump(content)
    return stream.getvalue().replace(b"cnumpy._core", b"cnumpy.core")


def test_the_pickles_are_those_of_python_2() -> None:
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    content = pickle.loads(dumps({"data": array, "names": ["a", "b"]}), encoding="bytes")
    np.testing.assert_array_equal(content[b"data"], array)
    assert content[b"names"] == [b"a", b"b"]
