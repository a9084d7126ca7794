"""Runs a test of a learner on a data set."""

from collections.abc import Iterator
from contextlib import contextmanager

import lightning
from torch import Tensor

from innerloop.data.module import TaskData
from innerloop.errors import UserError
from innerloop.experiment.tested import Tested, TestSet
from innerloop.outer.meta_learner import MetaLearner


def run_test(
    trainer: lightning.Trainer, learner: MetaLearner, on: TestSet, weights: dict[str, Tensor]
) -> Tested:
    """Tests weights on the test list of a data set; all processes of a run must call it.

    Arguments:
        weights: tensors of the learner by name.
    """
    learner.load_state_dict(weights)
    trainer.test(learner, on.data, verbose=False)
    return Tested(
        on=on,
        trainer=trainer,
        learner=learner,
        scores=learner.test_scores,
        scored_step=learner.scored_step,
        untested=learner.untested,
    )


def prepare(trainer: lightning.Trainer, data: TaskData) -> None:
    """Prepares the files of a data set; all processes of a run must call it.

    Raises:
        UserError: in every process if one fails, so that no process waits for another for ever.
    """
    failure: Exception | None = None
    try:
        if trainer.local_rank == 0:
            data.prepare_data()
    except Exception as error:
        failure = error
    everywhere = trainer.strategy.reduce_boolean_decision(failure is None)
    if failure is not None:
        raise failure
    if not everywhere:
        raise UserError("another process of this run could not prepare the files")
    data.setup("test")


@contextmanager
def without_loggers(trainer: lightning.Trainer) -> Iterator[None]:
    """While open, nothing is logged: `test/` of the loggers is about the run's own data set."""
    loggers = trainer.loggers
    trainer.loggers = []
    try:
        yield
    finally:
        trainer.loggers = loggers
