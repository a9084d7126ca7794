"""One Lightning data module for every data set: batches of tasks, training's without end."""

from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import numpy as np
from torch import Tensor
from torch.utils._pytree import tree_map
from torch.utils.data import DataLoader, Dataset

from innerloop.data import episodes, sampling
from innerloop.data.drawn import PlainBatches, Tasks
from innerloop.data.loader import TaskLoader
from innerloop.data.source import SPLITS, TaskSource
from innerloop.errors import UserError
from innerloop.machine import processes
from innerloop.tasks import Episode, Examples, Padded, Task


class TrainingBatches:
    """Indices of the tasks of each outer step, from the step the trainer has reached.

    Without state of its own, so that a resumed run goes on with the very next tasks; rank r of R
    takes its slice of every batch.
    """

    def __init__(self, module: "TaskData") -> None:
        self.module = module

    def __iter__(self) -> Iterator[list[int]]:
        trainer = self.module.trainer
        for step in range(trainer.global_step if trainer else 0, self.module.steps):
            yield self.module.training_indices(step)

    def __len__(self) -> int:
        return self.module.steps


class TaskData(lightning.LightningDataModule):
    """Training, validation and test tasks of a source.

    Arguments:
        source: the data set.
        episode: sizes of a training task; `test_episode`: of a validation or test task.
        steps: outer steps of training, each with `tasks` tasks.
        validation_tasks, test_tasks: lengths of the two fixed lists of tasks.
        batch: tasks evaluated side by side.
        seed: of the training tasks; `evaluation_seed`: of the two fixed lists.
        workers: processes that prepare batches; 0 for the training process itself.
        patience: seconds to wait for a batch of a worker.
        shape: what the model takes for the shape of one input; None for no check.
        plain_size: examples of a plain training batch, of which a step then has `tasks` instead of
            episodes; None for episodes. Several processes share each batch.
    """

    def __init__(
        self,
        source: TaskSource,
        episode: Episode,
        test_episode: Episode,
        steps: int,
        tasks: int,
        validation_tasks: int,
        test_tasks: int,
        batch: int,
        seed: int,
        evaluation_seed: int,
        workers: int = 0,
        patience: float = 300.0,
        shape: Any = None,
        plain_size: int | None = None,
    ) -> None:
        super().__init__()
        self.source, self.episode, self.test_episode = source, episode, test_episode
        self.steps, self.tasks, self.batch = steps, tasks, batch
        self.workers, self.patience = workers, patience
        self.validation_tasks, self.test_tasks = validation_tasks, test_tasks
        self.seed, self.evaluation_seed, self.shape = seed, evaluation_seed, shape
        self.plain_size = plain_size

    def prepare_data(self) -> None:
        """Lightning calls this in one process of each machine."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Raises `UserError` where a split cannot serve its episodes, before any training."""
        splits = SPLITS if stage == "fit" else (stage.replace("validate", "val"),)
        for split in splits:
            self._check_split(split)
        self._check_shape("train" if stage == "fit" else split)
        self.training_indices(0)
        self._compare_processes(splits)
        if self.trainer is not None:
            self.source.settle(self.trainer.strategy.root_device)

    def sizes(self, split: str) -> Episode:
        """Sizes of a task of the split."""
        return self.episode if split == "train" else self.test_episode

    def _check_split(self, split: str) -> None:
        if split == "train" and self.plain_size is not None:
            self.source.classes_in(split)
            return
        if self.sizes(split).varies and not self.source.unequal:
            raise UserError(
                f"{type(self.source).__name__} makes tasks of one size alone: give single numbers "
                "for episode.ways, shots and queries, and leave episode.balance=equal."
            )
        self.source.check(split, self.sizes(split))

    def _compare_processes(self, splits: Sequence[str]) -> None:
        """Raises `UserError` in all processes of a run if their files are not the same."""
        if processes.count() == 1 or self.trainer is None:
            return
        strategy, own = self.trainer.strategy, [self.fingerprint(split) for split in splits]
        differs = int(strategy.broadcast(own) != own)
        if processes.largest(differs, strategy.root_device):
            raise UserError(
                "The processes of this run read different data: the files changed while it "
                "started, or its machines have others. Start it again on the same files."
            )

    def _check_shape(self, split: str) -> None:
        if self.shape is None:
            return
        inputs = self._first(split).query.inputs
        inputs = inputs.values if isinstance(inputs, Padded) else inputs
        found = tree_map(lambda x: list(x.shape[2:]), inputs)
        if isinstance(inputs, Tensor | dict) and found != self.shape:
            raise UserError(
                f"dataset.input_shape={self.shape}, for which the model is built, is not the shape "
                f"of the data set's inputs, {found}."
            )

    def _first(self, split: str) -> Task:
        """The first batch of one task of a split."""
        index, seed = np.zeros(1, int), self.evaluation_seed
        if split == "train" and self.plain_size is not None:
            return self.source.batches(split, index, 1, seed)
        return self.source.tasks(split, index, self.sizes(split), seed)

    def fingerprint(self, split: str) -> str:
        """Names the tasks of a split: what they are drawn from, and how."""
        unequal = f" unequal={episodes.VERSION}" if self.sizes(split).varies else ""
        return f"{self.source.fingerprint(split)} sampler={sampling.VERSION}{unequal}"

    def training_indices(self, step: int) -> list[int]:
        """This rank's task indices of an outer step.

        Batch b of all R processes is, for rank r, batch R b + r of an R-th of the size.
        """
        ranks, rank = self._ranks()
        self._check_shares(ranks)
        if self.plain_size is not None:
            return [b * ranks + rank for b in range(step * self.tasks, (step + 1) * self.tasks)]
        own = self.tasks // ranks
        first = step * self.tasks + rank * own
        return list(range(first, first + own))

    def _check_shares(self, ranks: int) -> None:
        key, number = "outer.tasks", self.tasks
        if self.plain_size is not None:
            key, number = "training.size", self.plain_size
        if number % ranks:
            raise UserError(
                f"{key}={number} cannot be shared evenly by {ranks} processes: use a multiple of "
                f"{ranks}."
            )

    def training_batch(self, step: int) -> Task:
        """The training tasks of one outer step, their images as they are in the files."""
        indices = np.asarray(self.training_indices(step))
        if self.plain_size is not None:
            return self.source.batches("train", indices, self._own_size, self.seed)
        return self.source.tasks("train", indices, self.episode, self.seed)

    @property
    def _own_size(self) -> int:
        """Examples that each process has of a plain batch."""
        assert self.plain_size is not None
        return self.plain_size // self._ranks()[0]

    def first(self, split: str, count: int) -> Task:
        """The first tasks of the fixed list of `val` or `test`, at most as many as it has."""
        most = self.validation_tasks if split == "val" else self.test_tasks
        indices = np.arange(min(count, most))
        return self.source.tasks(split, indices, self.test_episode, self.evaluation_seed)

    def train_dataloader(self) -> DataLoader:
        steps = TrainingBatches(self)
        if self.plain_size is not None:
            plain = PlainBatches(self.source, "train", self._own_size, self.seed)
            return self._loader(plain, steps)
        return self._loader(Tasks(self.source, "train", self.episode, self.seed), steps)

    def val_dataloader(self) -> DataLoader:
        return self._fixed("val")

    def test_dataloader(self) -> DataLoader:
        return self._fixed("test")

    def on_after_batch_transfer(self, tasks: Task, dataloader_idx: int) -> Task:
        """Normalises the inputs where they are, and gives them the precision of the trainer."""
        transform = self.source.transform
        ready = Task(*[Examples(episodes.on_values(transform, x), y) for x, y in tasks])
        return self.trainer.precision_plugin.convert_input(ready) if self.trainer else ready

    def _ranks(self) -> tuple[int, int]:
        trainer = self.trainer
        return (trainer.world_size, trainer.global_rank) if trainer else (1, 0)

    def common_batches(self, split: str) -> int:
        """Batches of a fixed list that every process has; the first ones may have one more."""
        return len(self._batches(split)) // self._ranks()[0]

    def _batches(self, split: str) -> list[list[int]]:
        """The fixed list in batches, dealt out to the processes in turn."""
        count = self.validation_tasks if split == "val" else self.test_tasks
        ranks, _ = self._ranks()
        if count < ranks:
            raise UserError(f"{count} {split} tasks cannot be shared by {ranks} processes.")
        size = min(self.batch, count // ranks)  # work for every rank
        return [list(range(s, min(s + size, count))) for s in range(0, count, size)]

    def _fixed(self, split: str) -> DataLoader:
        ranks, rank = self._ranks()
        own = self._batches(split)[rank::ranks]
        tasks = Tasks(self.source, split, self.test_episode, self.evaluation_seed)
        return self._loader(tasks, own)

    def _loader(self, tasks: Dataset, batches: Any) -> DataLoader:
        pinned = self.trainer is not None and _on_gpu(self.trainer)
        return TaskLoader(tasks, batches, self.workers, self.patience, pinned)


def _on_gpu(trainer: lightning.Trainer) -> bool:
    return trainer.strategy.root_device.type == "cuda"
