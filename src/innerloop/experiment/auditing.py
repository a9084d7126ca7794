"""The audit of a learner on the first tasks of its test."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device

from innerloop.evaluation import audit
from innerloop.evaluation.audited_learner import AuditedLearner
from innerloop.evaluation.stamps import StampedFindings, of_joint_queries, of_selection
from innerloop.experiment.tested import Tested, TestSet
from innerloop.layers import early_pooling
from innerloop.machine import work
from innerloop.tasks import Task


@contextmanager
def on_device(tested: Tested) -> Iterator[None]:
    """While open, the learner is on the device of its test; then it returns to the CPU."""
    tested.learner.to(tested.device)
    try:
        yield
    finally:
        tested.learner.to("cpu")


def audit_of(tested: Tested) -> StampedFindings | None:
    """What the answers depended on, from the first tasks of the test; None if switched off."""
    tasks = min(tested.on.audited, tested.on.data.test_tasks)
    if tasks == 0:
        return None
    with on_device(tested):
        learner, reported = _learner(tested), _reported(tested, tasks)
        shown = work.each(
            "Audit", batches(tested.on, tasks, tested.device), number(tested.on, tasks)
        )
        with early_pooling.allowed():
            findings = audit.audit(
                learner=learner,
                batches=shown,
                reported=reported,
                shared_images=_shared_images(tested.on),
                cores=tested.learner.engine.cores(tested.learner.algorithm, tested.device),
            )
    algorithm = tested.learner.algorithm
    findings["stamps"] += of_joint_queries(algorithm.joint_queries, tested.on.data.test_episode)
    findings["stamps"] += of_selection(algorithm.selecting_tasks)
    return findings


def _learner(tested: Tested) -> AuditedLearner:
    return AuditedLearner(
        algorithm=tested.untested or tested.learner.algorithm,
        chunk=tested.learner.engine.chunk,
        step=tested.scored_step,
        progress=tested.progress,
        own_objective=tested.on.objective,
    )


def _reported(tested: Tested, tasks: int) -> torch.Tensor:
    """Headline scores `(tasks,)`; NaN if the learner could not be copied before the test."""
    scores = tested.scores.scored[tested.on.objective.metric.name][:tasks]
    return scores if tested.untested else torch.full_like(scores, torch.nan)


def _shared_images(on: TestSet) -> int | None:
    """How many test images are also training images; None for another data set."""
    return on.data.source.shared_images("test", "train") if on.name == on.trained_on else None


def batches(on: TestSet, tasks: int, device: torch.device) -> Iterator[Task]:
    """The first tasks of the test list, on the device."""
    data = on.data
    for indices in np.array_split(np.arange(tasks), number(on, tasks)):
        drawn = data.source.tasks("test", indices, data.test_episode, data.evaluation_seed)
        yield data.on_after_batch_transfer(move_data_to_device(drawn, device), 0)


def number(on: TestSet, tasks: int) -> int:
    """The number of batches that `batches` gives."""
    return -(-tasks // on.data.batch)
