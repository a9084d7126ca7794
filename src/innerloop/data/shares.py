"""How the processes of a run share its tasks."""

from typing import NamedTuple

from innerloop.errors import UserError


class Share(NamedTuple):
    """The part of one process in the work of a run."""

    ranks: int  #: number of processes
    rank: int  #: of this process, from 0

    def check_even(self, key: str, number: int) -> None:
        """Raises `UserError` unless processes can share `number`, the value of `key`, evenly."""
        if number % self.ranks:
            raise UserError(
                f"{key}={number} cannot be shared evenly by {self.ranks} processes: use a multiple "
                f"of {self.ranks}."
            )

    def training_tasks(self, step: int, tasks: int) -> list[int]:
        """Indices of this process's tasks of an outer step, which has `tasks` in all processes."""
        own = tasks // self.ranks
        first = step * tasks + self.rank * own
        return list(range(first, first + own))

    def plain_batches(self, step: int, batches: int) -> list[int]:
        """Indices of this process's parts of the plain batches of an outer step.

        Batch b of all R processes is, for rank r, batch R b + r of an R-th of the size.
        """
        whole = range(step * batches, (step + 1) * batches)
        return [batch * self.ranks + self.rank for batch in whole]

    def evaluation_batches(self, split: str, count: int, size: int) -> list[list[int]]:
        """A fixed list of tasks in batches, which the processes take in turn.

        Arguments:
            split: `val` or `test`.
            count: number of tasks.
            size: tasks of a batch at most; batches are smaller if a process would have none.

        Raises:
            UserError: if there are fewer tasks than processes.
        """
        if count < self.ranks:
            raise UserError(f"{count} {split} tasks cannot be shared by {self.ranks} processes.")
        size = min(size, count // self.ranks)
        return [list(range(s, min(s + size, count))) for s in range(0, count, size)]
