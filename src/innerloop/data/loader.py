"""A loader of batches of tasks, which says what became of a worker that it waits for in vain."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from innerloop.errors import UserError
from innerloop.machine.processor import shared_memory_left

LITTLE = 64 * 2**20  #: bytes of shared memory: with fewer left, it is what a worker lacks


class TaskLoader(DataLoader):
    """Batches of a data set whose `__getitems__` builds a whole batch of tasks.

    It has a generator of its own: torch's would draw from everybody's for every loader, so that a
    run that goes on would have other random numbers than one that never stopped.

    Arguments:
        batches: the indices of each batch.
        workers: processes that prepare batches; 0 for this one.
        patience: seconds to wait for a batch of a worker.
    """

    def __init__(
        self, tasks: Dataset, batches: Any, workers: int, patience: float, pinned: bool
    ) -> None:
        super().__init__(
            tasks,
            batch_sampler=batches,
            collate_fn=_as_is,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pinned,
            timeout=patience if workers else 0,
            generator=torch.Generator(),
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        try:
            yield from super().__iter__()
        except RuntimeError as error:
            said = str(error)
            if not said.startswith("DataLoader") and "shared memory" not in said:
                raise
            raise UserError(
                f"A data worker gave no batch: {said.splitlines()[-1] if said else said}. "
                f"{self._why()} workers=0 reads them in the training itself."
            ) from error

    def _why(self) -> str:
        left = shared_memory_left()
        if left is not None and left < LITTLE:
            return (
                f"Workers hand batches over in shared memory, and /dev/shm has {left / 2**20:.1f} "
                "MB left: free some or enlarge it (docker run --shm-size=8g)."
            )
        return (
            "If the system ended it, memory may be short: use fewer than "
            f"workers={self.num_workers}; if the data are merely slow, raise "
            f"patience={self.timeout:g}."
        )


def _as_is(tasks: Any) -> Any:
    return tasks
