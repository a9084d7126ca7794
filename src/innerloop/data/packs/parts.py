"""Reads a class in parts, so that memory holds a few of its images at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

PART = 1000  #: images of a class that are in memory together
Member = TypeVar("Member")


def in_parts(
    name: str, members: Sequence[Member], read: Callable[[Member], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """The name of a class and images `(n, height, width, channels)`, as `write_pack` takes them.

    Arguments:
        name: of the class.
        members: where its images are.
        read: gives one image.
    """
    for start in range(0, len(members), PART):
        yield name, np.stack([read(member) for member in members[start : start + PART]])
