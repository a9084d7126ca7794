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
from innerloop.evaluation.measured import TestScores
from innerloop.experiment.plain import PlainDict
from innerloop.objectives import Objective
from innerloop.outer.meta_learner import MetaLearner


class TestSet(NamedTuple):
    """A data set that a learner is tested on.

    Arguments:
        name: of the data set.
        trained_on: the data set that the learner was trained on.
        folder: where the results go.
        objective: judges the answers; not the algorithm's own copy.
        audited: how many tasks the audit repeats.
        baselines: whether the data set's baselines are scored on the same tasks.
        span: range of x in figures of one-dimensional regression.
    """

    name: str
    trained_on: str
    data: TaskData
    folder: Path
    objective: Objective
    audited: int
    baselines: bool
    span: list[float] | None


class Tested(NamedTuple):
    """A tested learner and its scores.

    Arguments:
        on: the data set.
        trainer: the one that ran the test.
        scored_step: inner step of the headline number.
        untested: a copy of the algorithm from before the test; None if it cannot be copied.
    """

    on: TestSet
    trainer: lightning.Trainer
    learner: MetaLearner
    scores: TestScores
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

    def pooled(self) -> PlainDict:
        """`calibration` and `per_class`, if the objective has classes; else empty."""
        measured, curve = self.scores.pooled, self.scores.pooled_curve
        if not {"calibration_gaps", "class_accuracy"} <= set(measured):
            return {}
        gaps, accuracy = measured["calibration_gaps"].mean, measured["class_accuracy"].scores
        names = self.on.data.source.class_names("test")
        return {
            "calibration": pooled.calibration(gaps, curve["calibration_gaps"].mean),
            "per_class": pooled.per_class(accuracy, self.classes, names),
        }
