"""A data set for tests, and a tested learner with its scores."""

from pathlib import Path
from typing import NamedTuple

import lightning
import numpy as np
import torch
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.evaluation import pooled
from innerloop.evaluation.measured import Measured
from innerloop.objectives import Objective
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run.plain import PlainDict


class TestSet(NamedTuple):
    """A data set that a learner is tested on.

    Arguments:
        name: of the data set.
        trained_on: the data set that the learner was trained on.
        folder: where the results go.
        objective: judges the answers; not the algorithm's own copy.
        audited: how many tasks the audit repeats.
        span: range of x in figures of one-dimensional regression.
    """

    name: str
    trained_on: str
    data: TaskData
    folder: Path
    objective: Objective
    audited: int
    span: list[float] | None


class Tested(NamedTuple):
    """A tested learner and its scores.

    Arguments:
        on: the data set.
        trainer: the one that ran the test.
        scores: `(tasks, steps + 1)` by metric.
        vectors: measurements that are pooled over tasks, see `innerloop.evaluation.pooled`.
        scored_step: inner step of the headline number.
        untested: a copy of the algorithm from before the test; None if it cannot be copied.
    """

    on: TestSet
    trainer: lightning.Trainer
    learner: MetaLearner
    scores: dict[str, Tensor]
    vectors: dict[str, Measured]
    scored_step: int
    untested: Algorithm | None

    @property
    def device(self) -> torch.device:
        """The device of the test; the learner has since returned to the CPU."""
        device: torch.device = self.trainer.strategy.root_device
        return device

    @property
    def progress(self) -> Tensor:
        """How far the learner was trained, in 0..1, on its device."""
        return self.learner.progress(self.learner.loaded["step"])

    @property
    def classes(self) -> np.ndarray | None:
        """The class behind each label of each task, `(tasks, ways)`; None without classes."""
        data = self.on.data
        tasks = np.arange(data.test_tasks)
        return data.source.classes("test", tasks, data.test_episode, data.evaluation_seed)

    @property
    def class_accuracy(self) -> Tensor | None:
        """`(tasks, ways)` at the scored step; None without classes."""
        accuracy = self.vectors.get("class_accuracy")
        return None if accuracy is None else accuracy.scores[:, self.scored_step]

    def pooled(self, scored: int | None) -> PlainDict:
        """`calibration` and `per_class`, if the objective has classes; else empty.

        Arguments:
            scored: the scored step; None for learners without steps.
        """
        gaps, accuracy = self.vectors.get("calibration_gaps"), self.class_accuracy
        if gaps is None or accuracy is None:
            return {}
        names = self.on.data.source.class_names("test")
        return {
            "calibration": pooled.calibration(gaps.mean, scored),
            "per_class": pooled.per_class(accuracy, self.classes, names),
        }
