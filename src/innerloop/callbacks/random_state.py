"""The states of the random number generators of a run, as plain values that a checkpoint holds."""

import random
from typing import Any

import numpy as np
import torch


def collect() -> dict[str, Any]:
    """The states of Python's, NumPy's and PyTorch's generators in this process."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  (whoever uses it must go on with it)
    return {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys, np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore(state: dict[str, Any]) -> None:
    """Puts the generators into the states that `collect` gave."""
    kind, keys, *rest = state["numpy"]
    random.setstate(state["python"])
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


def of_all_processes() -> list[dict[str, Any]]:
    """What `collect` gives in each process, in their order; all processes must call it."""
    own = collect()
    if not torch.distributed.is_initialized():
        return [own]
    states: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, own)
    return states
