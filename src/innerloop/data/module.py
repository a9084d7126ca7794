"""One Lightning data module for every data set: batches of tasks, without end in training."""

from collections.abc import Callable, Iterable, Iterator

import lightning
import numpy as np
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from innerloop.data import checks, groups, layout, sampling, without_replacement
from innerloop.data.datasets import PlainBatches, Tasks, TrainingBatches
from innerloop.data.loader import TaskLoader
from innerloop.data.padding import map_inputs
from innerloop.data.shares import Share
from innerloop.data.source import SPLITS, TaskSource
from innerloop.errors import UserError
from innerloop.machine import processes
from innerloop.tasks import Episode, Task

PART = 100  #: training examples that are measured together


class TaskData(lightning.LightningDataModule):
    """Training, validation and test tasks of a source.

    Arguments:
        source: the data set.
        episode: sizes of a training task.
        test_episode: sizes of a validation or test task.
        steps: outer steps of training, each with `tasks` tasks.
        tasks: tasks of an outer step, of all processes together.
        validation_tasks, test_tasks: lengths of the two fixed lists of tasks.
        batch: number of tasks that are evaluated together.
        seed: of the training tasks.
        evaluation_seed: of the two fixed lists.
        workers: processes that prepare batches; 0 for the training process itself.
        patience: seconds to wait for a batch of a worker.
        shape: of one input, as the model expects it; None for no check.
        batches: different training batches, after which the first one comes again: whether a
            learner can overfit them shows whether it learns at all. None for no end.
        plain_size: examples of a plain training batch; a step then has `tasks` plain batches
            instead of episodes, and several processes share each batch. None for episodes.
        augment: changes normalised training inputs at random; None to leave them as they are.
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
        shape: object = None,
        plain_size: int | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        batches: int | None = None,
    ) -> None:
        super().__init__()
        self.source, self.episode, self.test_episode = source, episode, test_episode
        self.steps, self.tasks, self.batch = steps, tasks, batch
        self.workers, self.patience = workers, patience
        self.validation_tasks, self.test_tasks = validation_tasks, test_tasks
        self.seed, self.evaluation_seed, self.shape = seed, evaluation_seed, shape
        self.plain_size, self.augment, self.batches = plain_size, augment, batches

    def prepare_data(self) -> None:
        """Lightning calls this in one process of each machine."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Checks the data before any training.

        Raises:
            UserError: if a split cannot serve its episodes, inputs do not have the model's shape,
                processes cannot share a batch, or they read different data.
        """
        splits = SPLITS if stage == "fit" else (stage.replace("validate", "val"),)
        for split in splits:
            self._check_split(split)
        if self.shape is not None:
            seen = map_inputs(self.source.transform, self._first_batch(splits[0]))
            checks.check_shape(self.shape, seen.query.inputs)
        self.training_indices(0)
        if self.trainer is not None:
            if processes.count() > 1:
                checks.check_same_data(self.trainer, [self.fingerprint(s) for s in splits])
            self.source.use_device(self.trainer.strategy.root_device)

    def sizes(self, split: str) -> Episode:
        """Sizes of a task of the split; only the test may draw without replacement."""
        if split == "val":
            return self.test_episode._replace(replacement=True)
        return self.episode if split == "train" else self.test_episode

    def _check_split(self, split: str) -> None:
        if split == "train" and self.plain_size is not None:
            self.source.classes_in(split)
            return
        if self.sizes(split).varies and not self.source.unequal:
            raise UserError(
                f"{type(self.source).__name__} can only make tasks of one size: give single "
                "numbers for episode.ways, shots and queries, and leave episode.balance=equal."
            )
        if self.sizes(split).drawn_from == "group":
            name = type(self.source).__name__
            groups.check(name, split, self.sizes(split), self.source.groups(split))
        self.source.check(split, self.sizes(split))
        if not self.sizes(split).replacement:
            self._check_list(split)

    def _check_list(self, split: str) -> None:
        """Raises `UserError` if the images do not make enough tasks without replacement."""
        episode = self.sizes(split)
        without_replacement.check_sizes(episode)
        available = self.source.longest_list(split, episode, self.evaluation_seed)
        without_replacement.check(split, episode, available, self._list_length(split))

    def _first_batch(self, split: str) -> Task:
        """A batch with the first task of a split, or a plain batch of one example."""
        index, seed = np.zeros(1, int), self.evaluation_seed
        if split == "train" and self.plain_size is not None:
            return self.source.batches(split, index, 1, seed)
        return self.source.tasks(split, index, self.sizes(split), seed)

    def fingerprint(self, split: str) -> str:
        """Names the distribution of the tasks of a split, and how they are drawn."""
        unequal = f" unequal={layout.VERSION}" if self.sizes(split).varies else ""
        return f"{self.source.fingerprint(split)} sampler={sampling.VERSION}{unequal}"

    def training_indices(self, step: int) -> list[int]:
        """Indices of this process's tasks, or parts of plain batches, of an outer step.

        Raises:
            UserError: if the processes cannot share them evenly.
        """
        share, step = self._share(), step if self.batches is None else step % self.batches
        if self.plain_size is not None:
            share.check_even("training.size", self.plain_size)
            return share.plain_batches(step, self.tasks)
        share.check_even("outer.tasks", self.tasks)
        return share.training_tasks(step, self.tasks)

    def training_batch(self, step: int) -> Task:
        """This process's training tasks of an outer step, with images as they are in the files."""
        indices = np.asarray(self.training_indices(step))
        if self.plain_size is not None:
            return self.source.batches("train", indices, self._own_size, self.seed)
        return self.source.tasks("train", indices, self.episode, self.seed)

    def training_examples(self, count: int) -> Iterator[Task]:
        """Plain batches of `count` training examples, the same in every process, on the device."""
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        for index in range(-(-count // PART)):
            batch = self.source.batches("train", np.array([index]), PART, self.evaluation_seed)
            yield self._ready(move_data_to_device(batch, device))

    def selecting_tasks(self, count: int) -> Task:
        """`count` tasks of the test's classes, drawn apart from those of the test and the same in
        every process, on the device."""
        assert self.trainer is not None
        indices, seed = np.arange(count), self.evaluation_seed + 1
        drawn = self.source.tasks("test", indices, self.test_episode, seed)
        return self._ready(move_data_to_device(drawn, self.trainer.strategy.root_device))

    @property
    def _own_size(self) -> int:
        """Examples that each process has of a plain batch."""
        assert self.plain_size is not None
        return self.plain_size // self._share().ranks

    def first(self, split: str, count: int) -> Task:
        """The first `count` tasks of the fixed list of `val` or `test`, or all if it has fewer."""
        indices = np.arange(min(count, self._list_length(split)))
        return self.source.tasks(split, indices, self.sizes(split), self.evaluation_seed)

    def common_batches(self, split: str) -> int:
        """Batches of a fixed list that every process has; the first ones may have one more."""
        return len(self._batches(split)) // self._share().ranks

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
        """Normalises the inputs on their device, augments those of training, and converts them to
        the trainer's precision."""
        ready = self._ready(tasks)
        if self.augment is None or self.trainer is None or not self.trainer.training:
            return ready
        return map_inputs(self.augment, ready)

    def _ready(self, tasks: Task) -> Task:
        ready = map_inputs(self.source.transform, tasks)
        return self.trainer.precision_plugin.convert_input(ready) if self.trainer else ready

    def _share(self) -> Share:
        trainer = self.trainer
        return Share(trainer.world_size, trainer.global_rank) if trainer else Share(1, 0)

    def _list_length(self, split: str) -> int:
        return self.validation_tasks if split == "val" else self.test_tasks

    def _batches(self, split: str) -> list[list[int]]:
        return self._share().evaluation_batches(split, self._list_length(split), self.batch)

    def _fixed(self, split: str) -> DataLoader:
        ranks, rank = self._share()
        tasks = Tasks(self.source, split, self.sizes(split), self.evaluation_seed)
        return self._loader(tasks, self._batches(split)[rank::ranks])

    def _loader(self, tasks: Dataset, batches: Iterable[list[int]]) -> DataLoader:
        trainer = self.trainer
        on_gpu = trainer is not None and trainer.strategy.root_device.type == "cuda"
        return TaskLoader(
            tasks=tasks,
            batches=batches,
            workers=self.workers,
            patience=self.patience,
            pinned=on_gpu,
        )
