"""Training on one data set, validation on another, as cross-domain studies do."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data.own_table import OwnTask, Table
from innerloop.data.padding import map_inputs
from innerloop.data.sketch import Sketch
from innerloop.data.source import TaskSource
from innerloop.tasks import Episode, Inputs, Task


class Ready(NamedTuple):
    """Inputs that need no further preparation."""

    values: Inputs


class OtherValidation(TaskSource):
    """A data set whose validation tasks come from another one.

    Arguments:
        source: for training and test.
        validation: for validation; its inputs have the same shape.
    """

    def __init__(self, source: TaskSource, validation: TaskSource) -> None:
        self.source, self.validation = source, validation
        self.reading, self.underlying = source.reading, source.underlying
        self.unequal = source.unequal and validation.unequal
        self.has_trials = source.has_trials

    def of(self, split: str) -> TaskSource:
        """The data set of a split."""
        return self.validation if split == "val" else self.source

    def prepare(self) -> None:
        self.source.prepare()
        self.validation.prepare()

    def check(self, split: str, episode: Episode) -> None:
        self.of(split).check(split, episode)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        tasks = self.of(split).tasks(split, indices, episode, seed)
        return self._ready(tasks) if split == "val" else tasks

    def classes(
        self, split: str, indices: np.ndarray, episode: Episode, seed: int
    ) -> np.ndarray | None:
        return self.of(split).classes(split, indices, episode, seed)

    def class_names(self, split: str) -> Sequence[str] | None:
        return self.of(split).class_names(split)

    def longest_list(self, split: str, episode: Episode, seed: int) -> int:
        return self.of(split).longest_list(split, episode, seed)

    def groups(self, split: str) -> np.ndarray | None:
        return self.of(split).groups(split)

    def tree(self, split: str) -> np.ndarray | None:
        return self.of(split).tree(split)

    def shared_images(self, split: str, other: str) -> int | None:
        return None if "val" in (split, other) else self.source.shared_images(split, other)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return self.source.baselines()

    def trial(self, split: str, index: int, seed: int, answer: Callable[[Inputs], Tensor]) -> float:
        return self.of(split).trial(split, index, seed, answer)

    def own_task(self, table: Table) -> OwnTask:
        return self.source.own_task(table)

    def sketch(self, task: Task, outputs: Tensor) -> Sketch | None:
        return self.source.sketch(task, outputs)

    def use_device(self, device: torch.device) -> None:
        self.source.use_device(device)

    def compact_tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        if split == "val":
            return self.tasks(split, indices, episode, seed)
        return self.source.compact_tasks(split, indices, episode, seed)

    def transform(self, inputs: Inputs) -> Inputs:
        return inputs.values if isinstance(inputs, Ready) else self.source.transform(inputs)

    def classes_in(self, split: str) -> int:
        return self.of(split).classes_in(split)

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        return self.source.batches(split, indices, size, seed)

    def compact_batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        return self.source.compact_batches(split, indices, size, seed)

    def fingerprint(self, split: str) -> str:
        return self.of(split).fingerprint(split)

    def _ready(self, tasks: Task) -> Task:
        """Validation tasks with inputs prepared by their own data set."""
        return map_inputs(lambda inputs: Ready(self.validation.transform(inputs)), tasks)
