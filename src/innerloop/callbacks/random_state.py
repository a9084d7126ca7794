"""The states of a run's random number generators, as plain values for checkpoints."""

import random
from typing import NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor


class RandomState(TypedDict):
    """The states of the generators of one process."""

    python: tuple[object, ...]
    numpy: tuple[str, Tensor, int, int, float]
    torch: Tensor
    cuda: list[Tensor]  #: of each GPU; empty where CUDA is not in use
    mps: NotRequired[Tensor]  #: of an Apple GPU, where there is one


def collect() -> RandomState:
    """The states of Python's, NumPy's and PyTorch's generators in this process."""
    state = np.random.get_state(legacy=True)  # noqa: NPY002  (users' code may draw from it)
    assert isinstance(state, tuple)
    name, keys, position, has_gauss, gauss = state
    own: RandomState = {
        "python": random.getstate(),
        "numpy": (
            name,
            torch.from_numpy(np.asarray(keys, np.int64)),
            position,
            has_gauss,
            gauss,
        ),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }
    return {**own, "mps": torch.mps.get_rng_state()} if torch.backends.mps.is_available() else own


def restore(state: RandomState) -> None:
    """Puts the generators into the states that `collect` returned."""
    name, keys, position, has_gauss, gauss = state["numpy"]
    random.setstate(state["python"])
    words = keys.numpy().astype(np.uint32)
    np.random.set_state((name, words, position, has_gauss, gauss))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    if "mps" in state and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])


def of_all_processes() -> list[RandomState]:
    """The states of each process, in their order; all processes must call it."""
    own = collect()
    if not torch.distributed.is_initialized():
        return [own]
    states = [own] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, own)
    return states
