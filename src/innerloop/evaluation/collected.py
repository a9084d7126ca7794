"""Scores of the tasks of one evaluation, gathered from all processes in the order of their list."""

from typing import Any

import torch
from torch import Tensor


class Collected:
    """Takes batches of `(tasks, steps)` scores and gives them back as one."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Tensor]] = []

    def add(self, scores: dict[str, Tensor]) -> None:
        """Keeps the scores of one batch of tasks."""
        self.batches.append({name: values.detach().cpu() for name, values in scores.items()})

    def take(self, ranks: int) -> dict[str, Tensor]:
        """The scores of all tasks, the same in every process; forgets them.

        Arguments:
            ranks: number of processes, to which the batches were dealt out in turn.
        """
        parts, self.batches = self.batches, []
        if ranks > 1:
            shares: list[Any] = [None] * ranks
            torch.distributed.all_gather_object(shares, parts)
            turns = range(max(len(share) for share in shares))
            parts = [share[turn] for turn in turns for share in shares if turn < len(share)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
