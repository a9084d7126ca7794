"""One Lightning data module for every data set: batches of tasks, training's without end."""

from collections.abc import Iterator, Sequence
from typing import Any

import lightning
import numpy as np
from torch import Tensor
from torch.utils._pytree import tree_map
from torch.utils.data import DataLoader, Dataset

from innerloop.data import episodes, sampling
from innerloop.data.loader import TaskLoader
from innerloop.data.source import SPLITS, TaskSource
from innerloop.errors import UserError
from innerloop.machine import processes
from innerloop.tasks import Episode, Examples, Padded, Task


class Tasks(Dataset):
    """The tasks of one split, by index; a batch of indices is drawn as a whole."""

    def __init__(self, source: TaskSource, split: str, episode: Episode, seed: int) -> None:
        self.source, self.split, self.episode, self.seed = source, split, episode, seed

    def __getitem__(self, index: int) -> Task:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Task:
        return self.source.drawn(self.split, np.asarray(indices), self.episode, self.seed)


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
    ) -> None:
        super().__init__()
        self.source, self.episode, self.test_episode = source, episode, test_episode
        self.steps, self.tasks, self.batch = steps, tasks, batch
        self.workers, self.patience = workers, patience
        self.validation_tasks, self.test_tasks = validation_tasks, test_tasks
        self.seed, self.evaluation_seed, self.shape = seed, evaluation_seed, shape

    def prepare_data(self) -> None:
        """Lightning calls this in one process of each machine."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Raises `UserError` where a split cannot serve its episodes, before any training."""
        splits = SPLITS if stage == "fit" else (stage.replace("validate", "val"),)
        for split in splits:
            self._check_sizes(split)
            self.source.check(split, self.sizes(split))
        self._check_shape("train" if stage == "fit" else split)
        self.training_indices(0)
        self._compare_processes(splits)
        if self.trainer is not None:
            self.source.settle(self.trainer.strategy.root_device)

    def sizes(self, split: str) -> Episode:
        """Sizes of a task of the split."""
        return self.episode if split == "train" else self.test_episode

    def _check_sizes(self, split: str) -> None:
        if self.sizes(split).varies and not self.source.unequal:
            raise UserError(
                f"{type(self.source).__name__} makes tasks of one size alone: give single numbers "
                "for episode.ways, shots and queries, and leave episode.balance=equal."
            )

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
        tasks = self.source.tasks(split, np.zeros(1, int), self.sizes(split), self.evaluation_seed)
        inputs = tasks.support.inputs
        inputs = inputs.values if isinstance(inputs, Padded) else inputs
        found = tree_map(lambda x: list(x.shape[2:]), inputs)
        if isinstance(inputs, Tensor | dict) and found != self.shape:
            raise UserError(
                f"dataset.input_shape={self.shape}, for which the model is built, is not the shape "
                f"of the data set's inputs, {found}."
            )

    def fingerprint(self, split: str) -> str:
        """Names the tasks of a split: what they are drawn from, and how."""
        unequal = f" unequal={episodes.VERSION}" if self.sizes(split).varies else ""
        return f"{self.source.fingerprint(split)} sampler={sampling.VERSION}{unequal}"

    def training_indices(self, step: int) -> list[int]:
        """This rank's task indices of an outer step."""
        ranks, rank = self._ranks()
        if self.tasks % ranks:
            raise UserError(
                f"outer.tasks={self.tasks} cannot be shared evenly by {ranks} processes: "
                f"use a multiple of {ranks}."
            )
        own = self.tasks // ranks
        first = step * self.tasks + rank * own
        return list(range(first, first + own))

    def training_batch(self, step: int) -> Task:
        """The training tasks of one outer step, their images as they are in the files."""
        indices = np.asarray(self.training_indices(step))
        return self.source.tasks("train", indices, self.episode, self.seed)

    def first(self, split: str, count: int) -> Task:
        """The first tasks of the fixed list of `val` or `test`, at most as many as it has."""
        most = self.validation_tasks if split == "val" else self.test_tasks
        indices = np.arange(min(count, most))
        return self.source.tasks(split, indices, self.test_episode, self.evaluation_seed)

    def train_dataloader(self) -> DataLoader:
        return self._loader("train", self.episode, self.seed, TrainingBatches(self))

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
        return self._loader(split, self.test_episode, self.evaluation_seed, own)

    def _loader(self, split: str, episode: Episode, seed: int, batches: Any) -> DataLoader:
        pinned = self.trainer is not None and _on_gpu(self.trainer)
        tasks = Tasks(self.source, split, episode, seed)
        return TaskLoader(tasks, batches, self.workers, self.patience, pinned)


def _on_gpu(trainer: lightning.Trainer) -> bool:
    return trainer.strategy.root_device.type == "cuda"
