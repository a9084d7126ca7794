"""The audit of a run's learner on the first tasks of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device

from innerloop.evaluation import audit
from innerloop.evaluation.asked import Asked
from innerloop.run import build
from innerloop.run.experiment import Experiment
from innerloop.run.tested import Tested, TestSet
from innerloop.tasks import Task


@contextmanager
def on_device(made: Experiment) -> Iterator[None]:
    """Has the learner where its test was; it left for the CPU since."""
    made.learner.to(made.trainer.strategy.root_device)
    try:
        yield
    finally:
        made.learner.to("cpu")


def audit_of(made: Experiment, tested: Tested) -> dict[str, Any] | None:
    """What the answers depended on, from the first tasks of a test; None if switched off."""
    data, learner, untested = tested.on.data, made.learner, tested.untested
    tasks = min(made.config.evaluation.get("audit", 50), data.test_tasks)
    if tasks == 0:
        return None
    asked = Asked(
        untested or learner.algorithm, learner.engine.chunk, tested.scored_step,
        learner.progress(learner.loaded["step"]), build.objective(made.config),
    )  # fmt: skip
    indices = np.array_split(np.arange(tasks), -(-tasks // data.batch))
    reported = tested.scores[asked.objective.metric.name][:tasks, tested.scored_step]
    return audit.audit(
        asked, (_test_tasks(made, tested.on, part) for part in indices),
        reported if untested else torch.full_like(reported, torch.nan),
        _shared_images(tested.on),
    )  # fmt: skip


def _shared_images(on: TestSet) -> int | None:
    """Images of the test that are in the training too; not known of another data set."""
    return on.data.source.shared_images("test", "train") if on.name == on.trained_on else None


def _test_tasks(made: Experiment, on: TestSet, indices: np.ndarray) -> Task:
    data, device = on.data, made.trainer.strategy.root_device
    tasks = data.source.tasks("test", indices, data.test_episode, data.evaluation_seed)
    return data.on_after_batch_transfer(move_data_to_device(tasks, device), 0)
