"""A loader of batches of tasks, which explains why a data worker failed."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.data import DataLoader, Dataset

from innerloop.errors import UserError
from innerloop.machine.processor import shared_memory_left
from innerloop.tasks import Task

Batch = TypeVar("Batch")
LITTLE = 64 * 2**20  #: bytes of shared memory; with fewer, it is probably why a worker failed


class TaskLoader(DataLoader):
    """Batches of a data set with a method `__getitems__` that builds a whole batch of tasks.

    The loader has a generator of its own. Otherwise each loader would draw from PyTorch's global
    generator, and a resumed run would see other random numbers than one that was never stopped.

    Arguments:
        tasks: the data set.
        batches: the indices of each batch.
        workers: processes that prepare batches; 0 for the training process itself.
        patience: seconds to wait for a batch of a worker.
        pinned: whether batches are put into pinned memory.

    Raises `UserError` while it is read, if a worker fails.
    """

    def __init__(
        self,
        tasks: Dataset,
        batches: Iterable[list[int]],
        workers: int,
        patience: float,
        pinned: bool,
    ) -> None:
        super().__init__(
            tasks,
            batch_sampler=batches,
            collate_fn=_unchanged,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pinned,
            timeout=patience if workers else 0,
            generator=torch.Generator(),
        )

    def __iter__(self) -> Iterator[Task]:  # type: ignore[override]
        ahead = getattr(self.dataset, "ahead", 1)
        if ahead > 1 and self.num_workers == 0 and not self.pin_memory:
            batches: Iterable[list[int]] = self.batch_sampler  # type: ignore[assignment]
            yield from drawn_ahead(self.dataset, iter(batches), ahead)
            return
        try:
            yield from super().__iter__()
        except RuntimeError as error:
            message = str(error)
            if not message.startswith("DataLoader") and "shared memory" not in message:
                raise
            raise UserError(
                f"A data worker gave no batch: {message.splitlines()[-1] if message else message}. "
                f"{self._advice()} With workers=0, the training process reads them itself."
            ) from error

    def _advice(self) -> str:
        left = shared_memory_left()
        if left is not None and left < LITTLE:
            return (
                f"Workers pass batches on in shared memory, and /dev/shm has {left / 2**20:.1f} "
                "MB left: free some or enlarge it (docker run --shm-size=8g)."
            )
        return (
            "If the system ended it, memory may be short: use fewer than "
            f"workers={self.num_workers}; if reading the data is slow, raise "
            f"patience={self.timeout:g}."
        )


def drawn_ahead(tasks: Dataset, batches: Iterator[list[int]], ahead: int) -> Iterator[Task]:
    """Batches of tasks, of which several are drawn at once: each costs a fraction of its time.

    Arguments:
        batches: the indices of each.
        ahead: batches that are drawn at once.
    """
    while some := list(itertools.islice(batches, ahead)):
        sizes = [len(batch) for batch in some]
        together = tasks.__getitems__([index for batch in some for index in batch])  # type: ignore[attr-defined]
        leaves, layout = tree_flatten(together)
        for parts in zip(*[leaf.split(sizes) for leaf in leaves], strict=True):
            yield tree_unflatten(parts, layout)


def _unchanged(tasks: Batch) -> Batch:
    return tasks
