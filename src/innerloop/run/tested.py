"""One test of a learner: on which data set, and what was found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.errors import UserError
from innerloop.evaluation import pooled
from innerloop.evaluation.measured import Measured
from innerloop.objectives import Objective
from innerloop.outer.meta_learner import MetaLearner


class TestSet(NamedTuple):
    """A data set that a learner is tested on.

    Arguments:
        name: of the data set.
        trained_on: the data set that the learner was trained on.
        folder: where the results go.
        objective: what the answers are judged by, out of the algorithm's reach.
        audited: tasks that the audit asks again.
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
    """A learner that was tested, and what the test found.

    Arguments:
        on: the data set.
        trainer: by which it was tested.
        scores: `(tasks, steps + 1)` by metric.
        vectors: what is pooled over tasks, see `innerloop.evaluation.pooled`.
        scored_step: inner step of the headline number.
        untested: the algorithm as it was before the test; None if it cannot be copied.
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
        """Where the test was; the learner left for the CPU since."""
        device: torch.device = self.trainer.strategy.root_device
        return device

    @property
    def progress(self) -> Tensor:
        """How far the learner was trained, in 0..1, on its device."""
        return self.learner.progress(self.learner.loaded["step"])

    @property
    def classes(self) -> np.ndarray | None:
        """Which class each label of each task stands for, `(tasks, ways)`."""
        data = self.on.data
        tasks = np.arange(data.test_tasks)
        return data.source.classes("test", tasks, data.test_episode, data.evaluation_seed)

    @property
    def class_accuracy(self) -> Tensor | None:
        """`(tasks, ways)` at the scored step; None without classes."""
        kept = self.vectors.get("class_accuracy")
        return None if kept is None else kept.scores[:, self.scored_step]

    def pooled(self, scored: int | None) -> dict[str, Any]:
        """`calibration` and `per_class`, where the objective has classes.

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


def run_test(
    trainer: lightning.Trainer, learner: MetaLearner, on: TestSet, weights: dict[str, Any]
) -> Tested:
    """Tests weights on the test list of a data set; all processes of a run do it together."""
    learner.load_state_dict(weights)
    trainer.test(learner, on.data, verbose=False)
    return Tested(
        on=on,
        trainer=trainer,
        learner=learner,
        scores=learner.test_scores,
        vectors=learner.test_vectors,
        scored_step=learner.scored_step,
        untested=learner.untested,
    )


def prepare(trainer: lightning.Trainer, data: TaskData) -> None:
    """Brings the files of a data set into place and checks them, before a trainer is asked to.

    Raises:
        UserError: in all processes alike, as none of them may wait for the others in vain.
    """
    fault: Exception | None = None
    try:
        if trainer.local_rank == 0:
            data.prepare_data()
    except Exception as error:
        fault = error
    everywhere = trainer.strategy.reduce_boolean_decision(fault is None)
    if fault is not None:
        raise fault
    if not everywhere:
        raise UserError("another process of this run could not have the files")
    data.setup("test")


@contextmanager
def without_loggers(trainer: lightning.Trainer) -> Iterator[None]:
    """While open, nothing is logged: the loggers' `test/` is that of the run's own data set."""
    loggers = trainer.loggers
    trainer.loggers = []
    try:
        yield
    finally:
        trainer.loggers = loggers
