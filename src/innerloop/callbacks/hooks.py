"""The learner and the data of a run, as Lightning's hooks give them to callbacks."""

from collections.abc import Sequence
from typing import Protocol

import lightning

from innerloop.outer.meta_learner import MetaLearner
from innerloop.tasks import Task


class Data(Protocol):
    """The part of the data module that callbacks use."""

    def first(self, split: str, count: int) -> Task:
        """The first tasks of the fixed list of `val` or `test`."""

    def training_batch(self, step: int) -> Task:
        """The training tasks of one outer step."""

    def training_indices(self, step: int) -> Sequence[int]:
        """This process's task indices of an outer step."""

    def common_batches(self, split: str) -> int:
        """The number of batches that every process has."""

    def on_after_batch_transfer(self, tasks: Task, dataloader_idx: int) -> Task:
        """Tasks as the learner gets them."""


def learner_of(module: lightning.LightningModule) -> MetaLearner:
    """The module of a hook, which is always the outer loop."""
    assert isinstance(module, MetaLearner)
    return module


def data_of(trainer: lightning.Trainer) -> Data:
    """The data module of the run."""
    data: Data = trainer.datamodule  # type: ignore[attr-defined]
    return data
