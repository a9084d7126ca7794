"""Reads one array of an NPZ archive that is not trusted."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from innerloop.errors import visible
from innerloop.machine.foreign import BadFile, read_bytes

LARGEST = 64 * 2**20  #: bytes of an archive
UNPACKED = 256 * 2**20  #: bytes of one of its arrays
NUMBERS = "biuf"  #: kinds of NumPy types that are plain numbers


def read_array(file: Path, name: str) -> np.ndarray | None:
    """The array `name` of an archive, or None if the archive has no array of that name.

    Raises:
        BadFile: if the archive is damaged, or if the array holds anything but numbers, is larger
            than 256 MiB, or has another size than its header says.
    """
    content = io.BytesIO(read_bytes(file, LARGEST))
    try:
        with zipfile.ZipFile(content) as archive:
            member = f"{name}.npy"
            if member not in archive.namelist():
                return None
            if archive.getinfo(member).file_size > UNPACKED:
                raise BadFile(file, f"holds {name}, which is larger than {UNPACKED // 2**20} MiB")
            data = archive.read(member)  # no more than the size that was just checked
        return _parse(data)
    except BadFile:
        raise
    except Exception as error:  # zipfile, zlib and Python's own parser each have several
        raise BadFile(file, f"holds no readable {name}: {visible(error, 100)}") from None


def _parse(data: bytes) -> np.ndarray:
    """The array in the bytes of an NPY file; its header is checked before memory is allocated."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("not NumPy's format 1.0")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in NUMBERS:
        raise ValueError(f"it holds {dtype.name} instead of plain numbers")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError("its size is not what its header says")
    array: np.ndarray = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array
