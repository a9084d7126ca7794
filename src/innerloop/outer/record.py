"""What a checkpoint holds besides the weights: the record of its run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from innerloop.errors import UserError

CheckpointDict = dict[str, Any]  #: the content of a checkpoint file, by Lightning's keys
Record = dict[str, Any]  #: its entry `innerloop`: plain values by name


@contextmanager
def matching_weights() -> Iterator[None]:
    """While open, weights of another network are refused in one line.

    Raises:
        UserError: instead of torch's error, which lists every tensor.
    """
    try:
        yield
    except RuntimeError as error:
        raise UserError(
            "The checkpoint holds another algorithm or model than the configuration: "
            + " ".join(str(error).split())[:300]
            + " Use the algorithm, model and norm it was trained with."
        ) from error
